import { Presence } from './presence.ts';

describe('Presence', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('ends a request whose readers are all gone for the grace time', () => {
    const gone = jest.fn();
    const presence = new Presence(30_000);
    presence.open('a', gone);
    presence.leave('a');
    jest.advanceTimersByTime(29_999);
    presence.join('a');
    jest.advanceTimersByTime(60_000);
    expect(gone).not.toHaveBeenCalled();
    presence.join('a');
    presence.leave('a');
    jest.advanceTimersByTime(60_000);
    expect(gone).not.toHaveBeenCalled();
    presence.leave('a');
    jest.advanceTimersByTime(30_000);
    expect(gone).toHaveBeenCalledTimes(1);
    presence.leave('a');
  });

  it('leaves alone what has ended, what it does not know, and all when it stops', () => {
    const gone = jest.fn();
    const presence = new Presence(1_000);
    presence.open('ended', gone);
    presence.leave('ended');
    presence.forget('ended');
    presence.join('unknown');
    presence.leave('unknown');
    presence.open('stopped', gone);
    presence.leave('stopped');
    presence.stop();
    jest.advanceTimersByTime(5_000);
    expect(gone).not.toHaveBeenCalled();
  });
});

import { Presence } from './presence.ts';

describe('Presence', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('ends a request whose readers are all gone for the grace time', () => {
    const [gone, other] = [jest.fn(), jest.fn()];
    const presence = new Presence(30_000);
    presence.join('a', gone);
    presence.leave('a');
    jest.advanceTimersByTime(29_999);
    presence.join('a', other);
    jest.advanceTimersByTime(60_000);
    expect(gone).not.toHaveBeenCalled();
    presence.join('a', other);
    presence.leave('a');
    jest.advanceTimersByTime(60_000);
    expect(gone).not.toHaveBeenCalled();
    presence.leave('a');
    jest.advanceTimersByTime(30_000);
    expect(gone).toHaveBeenCalledTimes(1);
    expect(other).not.toHaveBeenCalled();
    presence.leave('a');
  });

  it('leaves alone what has ended, what it does not know, and all when it stops', () => {
    const gone = jest.fn();
    const presence = new Presence(1_000);
    presence.join('ended', gone);
    presence.leave('ended');
    presence.forget('ended');
    presence.leave('unknown');
    presence.join('stopped', gone);
    presence.leave('stopped');
    presence.stop();
    jest.advanceTimersByTime(5_000);
    expect(gone).not.toHaveBeenCalled();
  });
});

import { execFile, type ExecFileException } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/* The scripts are ES modules that a bare Node must be able to run: they are tested from outside, as processes. */

const DECLARATION = `
export interface BucketConfig extends cdktf.TerraformMetaArguments {
    /**
    * Docs at Terraform Registry: {@link https://registry/docs/resources/bucket#name Bucket#name}
    */
    readonly name: string;
    /**
    * lifecycle_rule block
    *
    * Docs at Terraform Registry: {@link https://registry/docs/resources/bucket#lifecycle_rule Bucket#lifecycle_rule}
    */
    readonly lifecycleRule?: BucketLifecycleRule[] | cdktf.IResolvable;
}
export interface BucketLifecycleRule {
    /**
    * Docs at Terraform Registry: {@link https://registry/docs/resources/bucket#days Bucket#days}
    */
    readonly days: number;
}
export declare class Bucket extends cdktf.TerraformResource {
    get arnOfIt(): string;
}
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'frontier-terraform-'));
  const library = join(folder, 'node_modules/@cdktf/provider-aws/lib/bucket');
  mkdirSync(library, { recursive: true });
  writeFileSync(join(library, 'index.d.ts'), DECLARATION);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What `expression` gives, evaluated in a Node that has the checks. */
function evaluate(expression: string): Promise<unknown> {
  const code = `
    import { callFaults, checkModule, valueFaults } from ${JSON.stringify(join(__dirname, 'check.mjs'))};
    import { Schemas } from ${JSON.stringify(join(__dirname, 'schemas.mjs'))};
    const schemas = new Schemas(${JSON.stringify(folder)});
    console.log(JSON.stringify(${expression}));`;
  return new Promise((resolve, reject) => {
    const done = (error: ExecFileException | null, stdout: string) =>
      error ? reject(error) : resolve(JSON.parse(stdout));
    execFile(process.execPath, ['--input-type=module', '--eval', code], { timeout: 15_000 }, done);
  });
}

const check = (module: object) => evaluate(`checkModule(${JSON.stringify(module)}, schemas)`);
const bucket = (given: object) => ({ resource: { aws_bucket: { a: [given] } } });

it('finds nothing wrong with a resource as its provider wants it', async () => {
  const module = {
    variable: { name: [{}] },
    locals: [{ arn: '${aws_bucket.a[0].arn_of_it}-${var.name}' }],
    ...bucket({ count: 1, name: '${var.name}', lifecycle_rule: [{ days: 1 }], tags_of_ours: undefined }),
  };
  expect(await check(module)).toEqual({ checked: ['aws_bucket.a'], faults: [], unknown: [] });
});

it.each([
  ['an argument that is not', bucket({ name: 'x', nam: 'y' }), 'aws_bucket.a: no argument nam'],
  ['a missing one', bucket({}), 'aws_bucket.a: name is required'],
  [
    'one in a block',
    bucket({ name: 'x', lifecycle_rule: [{ days: 1, day: 2 }] }),
    'aws_bucket.a.lifecycle_rule: no argument day',
  ],
  [
    'a missing one in a block',
    bucket({ name: 'x', lifecycle_rule: [{}] }),
    'aws_bucket.a.lifecycle_rule: days is required',
  ],
  [
    'a missing one in a dynamic block',
    bucket({ name: 'x', dynamic: { lifecycle_rule: [{ for_each: '${[1]}', content: [{}] }] } }),
    'aws_bucket.a.lifecycle_rule: days is required',
  ],
  [
    'a type that is not',
    { resource: { aws_buckett: { a: [{}] } } },
    'aws_buckett.a: the provider has no aws_buckett',
  ],
  [
    'an attribute that is not',
    { ...bucket({ name: 'x' }), locals: [{ a: '${aws_bucket.a.arn}' }] },
    'aws_bucket has no attribute arn',
  ],
  ['a resource that is not', { locals: [{ a: '${aws_bucket.b.name}' }] }, 'aws_bucket.b is not declared'],
  ['a variable that is not', bucket({ name: '${var.x}' }), 'var.x is not declared'],
  ['a local value that is not', bucket({ name: '${upper(local.x)}' }), 'local.x is not declared'],
])('tells of %s', async (_, module, fault) => {
  expect(await check(module)).toMatchObject({ faults: [fault] });
});

it('says what it has no schema for', async () => {
  const module = { resource: { other_thing: { a: [{ anything: 1 }] } } };
  expect(await check(module)).toEqual({ checked: [], faults: [], unknown: ['other_thing.a'] });
});

it('holds calls of modules and values of environments against their variables', async () => {
  const called = { variable: { needed: [{}], given: [{ default: 1 }] }, output: { url: [{}] } };
  const caller = {
    module: { m: [{ source: '../m', given: 2, extra: 3 }] },
    output: { a: [{ value: '${module.m.url}${module.m.uri}' }] },
  };
  const faults = `callFaults(${JSON.stringify(caller)}, () => (${JSON.stringify(called)}))`;
  expect(await evaluate(faults)).toEqual([
    'module.m: ../m has no variable extra',
    'module.m: needed is required',
    'module.m: ../m has no output uri',
  ]);
  expect(await evaluate(`valueFaults({ given: 1, other: 2 }, ${JSON.stringify(called)})`)).toEqual([
    'no variable other',
  ]);
});

// Holds the resources of a module, as hcl2json gives them, against the schemas of their providers, and its references
// against what the module declares. It is what can be known of a module without its provider's program.

/** What every resource may have besides its provider's arguments. */
const META = ['count', 'for_each', 'provider', 'lifecycle', 'depends_on', 'timeouts'];

/** Faults of one block's arguments; `at` says where. Dynamic blocks count as the blocks that they make. */
function argumentFaults(given, fields, at, meta = []) {
  const faults = [];
  const blocks = Object.entries(given.dynamic ?? {}).map(([name, made]) => [
    name,
    made.flatMap(({ content }) => content),
  ]);
  const present = [
    ...Object.entries(given).filter(([name]) => name !== 'dynamic' && !meta.includes(name)),
    ...blocks,
  ];
  for (const [name, value] of present) {
    const field = fields[name];
    if (!field) {
      faults.push(`${at}: no argument ${name}`);
      continue;
    }
    if (!field.block || !Array.isArray(value)) continue;
    const inner = field.block();
    for (const one of value)
      if (typeof one === 'object') faults.push(...argumentFaults(one, inner, `${at}.${name}`));
  }
  const names = new Set(present.map(([name]) => name));
  for (const [name, { required }] of Object.entries(fields)) {
    if (required && !names.has(name)) faults.push(`${at}: ${name} is required`);
  }
  return faults;
}

function* strings(value) {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      yield key;
      yield* strings(inner);
    }
  }
}

/** Expressions that name something: `type.name.attribute`, `data.type.name.attribute`, `var.x`, `local.x`, `module.x.y`. */
function referenceFaults(module, schemas) {
  const faults = new Set();
  const declared = {
    var: new Set(Object.keys(module.variable ?? {})),
    local: new Set((module.locals ?? []).flatMap(Object.keys)),
    module: new Set(Object.keys(module.module ?? {})),
  };
  for (const text of strings(module)) {
    if (!text.includes('${')) continue;
    for (const [, kind, name] of text.matchAll(/(?<![\w."-])(var|local|module)\.(\w+)/g)) {
      if (!declared[kind].has(name)) faults.add(`${kind}.${name} is not declared`);
    }
    for (const [, data, type, name, attribute] of text.matchAll(
      /(?<![\w."/-])(data\.)?([a-z]+_\w+)\.(\w+)(?:\[(?:[^\][]|\[[^\]]*\])*\])?(?:\.(\w+))?/g,
    )) {
      const kind = data ? 'data' : 'resource';
      if (!module[kind]?.[type]?.[name]) {
        if (schemas.knows(type)) faults.add(`${data ?? ''}${type}.${name} is not declared`);
        continue;
      }
      const schema = schemas.of(kind, type);
      if (attribute && schema && !schema.attributes.has(attribute))
        faults.add(`${type} has no attribute ${attribute}`);
    }
  }
  return [...faults];
}

/** Calls of modules in folders: `target(source)` is the module there. Arguments it lacks or wants, outputs that are not. */
export function callFaults(module, target) {
  const faults = [];
  for (const [name, [{ source, ...given }]] of Object.entries(module.module ?? {})) {
    const called = target(source);
    for (const argument of Object.keys(given)) {
      if (!called.variable?.[argument]) faults.push(`module.${name}: ${source} has no variable ${argument}`);
    }
    for (const [variable, [{ default: fallback }]] of Object.entries(called.variable ?? {})) {
      if (fallback === undefined && !(variable in given))
        faults.push(`module.${name}: ${variable} is required`);
    }
    for (const text of strings(module)) {
      for (const [, output] of text.matchAll(new RegExp(String.raw`\bmodule\.${name}\.(\w+)`, 'g'))) {
        if (!called.output?.[output]) faults.push(`module.${name}: ${source} has no output ${output}`);
      }
    }
  }
  return faults;
}

/** Values of an environment against the variables of the module that takes them. */
export function valueFaults(values, { variable }) {
  return Object.keys(values)
    .filter((name) => !variable[name])
    .map((name) => `no variable ${name}`);
}

/** `{checked, faults, unknown}`: how many blocks were held against a schema, and types whose provider is not there. */
export function checkModule(module, schemas) {
  const result = { checked: [], faults: referenceFaults(module, schemas), unknown: [] };
  for (const kind of ['resource', 'data']) {
    for (const [type, blocks] of Object.entries(module[kind] ?? {})) {
      for (const [name, [given]] of Object.entries(blocks)) {
        const at = `${kind === 'data' ? 'data.' : ''}${type}.${name}`;
        const schema = schemas.knows(type) ? schemas.of(kind, type) : undefined;
        if (!schemas.knows(type)) result.unknown.push(at);
        else if (!schema) result.faults.push(`${at}: the provider has no ${type}`);
        else {
          result.checked.push(at);
          result.faults.push(...argumentFaults(given, schema.fields, at, META));
        }
      }
    }
  }
  return result;
}

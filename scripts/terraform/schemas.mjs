// What a provider knows, read from the typed declarations of @cdktf/provider-*: arguments of resources and data
// sources, which of them are required, blocks in blocks, and the attributes that can be referred to.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const snake = (name) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function declarations(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith('.d.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
}

/** Interfaces by name: `{argument: {required, type}}`. The comment above each argument has its name in HCL. */
function interfacesOf(text) {
  const interfaces = new Map();
  for (const [, name, body] of text.matchAll(/export interface (\w+)[^{]*\{([\s\S]*?)\n\}/g)) {
    const fields = [...body.matchAll(/#(\w+) [^}]*\}[\s\S]*?readonly \w+(\??): ([^;]+);/g)].map(
      ([, argument, optional, type]) => [
        snake(argument).replace(/^_/, ''),
        { required: optional === '', type },
      ],
    );
    interfaces.set(name, Object.fromEntries(fields));
  }
  return interfaces;
}

/** `block`: arguments of the block that an argument is, undefined where it is a plain value. */
function resolve(fields, interfaces) {
  const known = {};
  for (const [name, { required, type }] of Object.entries(fields)) {
    const of = /^\(?(?:cdktf\.IResolvable \| )?(\w+)/.exec(type)?.[1];
    known[name] = {
      required,
      ...(interfaces.has(of) && { block: () => resolve(interfaces.get(of), interfaces) }),
    };
  }
  return known;
}

/** Providers by the first word of their resources' types: aws, google, azurerm, helm, kubernetes, random. */
export class Schemas {
  #folder;
  #cache = new Map();

  constructor(folder) {
    this.#folder = folder;
  }

  #library(type) {
    return join(this.#folder, 'node_modules/@cdktf', `provider-${type.split('_', 1)[0]}`, 'lib');
  }

  /** Whether the provider of this type is among the packages. */
  knows(type) {
    return existsSync(this.#library(type));
  }

  /** `{fields, attributes}` of a type, undefined where the provider has no such type. */
  of(kind, type) {
    const key = `${kind} ${type}`;
    if (!this.#cache.has(key)) this.#cache.set(key, this.#read(kind, type));
    return this.#cache.get(key);
  }

  #read(kind, type) {
    const [provider, ...words] = type.split('_');
    const name = [...(kind === 'data' ? ['data', provider] : []), ...words].join('-');
    const folder = join(this.#library(type), name);
    if (!existsSync(folder)) return undefined;
    const text = declarations(folder);
    const interfaces = interfacesOf(text);
    const root = /export interface (\w+) extends cdktf\.TerraformMetaArguments/.exec(text)?.[1];
    const fields = resolve(interfaces.get(root) ?? {}, interfaces);
    const getters = [...text.matchAll(/^ {4}get (\w+)\(\)/gm)].map(([, getter]) => snake(getter));
    return { fields, attributes: new Set([...Object.keys(fields), ...getters, 'id']) };
  }
}

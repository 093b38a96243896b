import * as z from 'zod/mini';
import { commands } from '../contract/index.ts';

interface JsonSchema {
  type?: string;
  anyOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  format?: string;
}

/** A schema in a few words: `"a"|"b"`, `[text]`, `{host: text, port: number}`. */
function words(schema: JsonSchema): string {
  if (schema.anyOf) return schema.anyOf.map(words).join('|');
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join('|');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  switch (schema.type) {
    case 'string':
      return schema.format ?? 'text';
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return `[${words(schema.items ?? {})}]`;
    case 'object':
      return schema.properties ? `{${fields(schema).join(', ')}}` : '{name: value}';
    case undefined:
      return 'bytes as base64';
    default:
      return schema.type;
  }
}

const fields = ({ properties = {}, required = [] }: JsonSchema): string[] =>
  Object.entries(properties).map(([name, schema]) => `${name}${required.includes(name) ? '' : '?'}: ${words(schema)}`);

/** Every command of the contract with its help line and its input, out of the one table that also checks them. */
export function commandHelp(): string {
  return Object.entries(commands)
    .map(([name, { help, input }]) => {
      // what JSON has no word for (bytes) becomes {}
      const schema = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
      return `  ${name} {${fields(schema).join(', ')}}\n      ${help}`;
    })
    .join('\n');
}

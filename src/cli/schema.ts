// spangate schema: the JSON Schema of gateway.yaml, for editors.

import type { Command } from "commander";

const EXAMPLES = `
Examples:
  $ spangate schema > gateway.schema.json
        then, as the first line of gateway.yaml, for editors with the YAML language server:
        # yaml-language-server: $schema=./gateway.schema.json`;

export function schemaCommand(command: Command): Command {
  return command
    .description("print the JSON Schema of gateway.yaml, for editors")
    .addHelpText("after", EXAMPLES)
    .action(async () => {
      const { configurationJsonSchema } = await import("../config/documentation.js");
      const { write } = await import("./terminal.js");
      await write(process.stdout, `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`);
    });
}

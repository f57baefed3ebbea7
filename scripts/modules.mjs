#!/usr/bin/env node
// The house's imports: the rules of .dependency-cruiser.cjs, no cycle of code, no cycle of features, and nothing unread.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cruise } from "dependency-cruiser";

const config = createRequire(import.meta.url)("../.dependency-cruiser.cjs");
const problems = [];

const { output } = await cruise(["src"], {
  ...config.options,
  ruleSet: { forbidden: config.forbidden },
  validate: true,
});
const modules = output.modules.filter(({ source }) => source.startsWith("src/"));

for (const { from, to, rule } of output.summary.violations) {
  const comment = config.forbidden.find(({ name }) => name === rule.name)?.comment ?? "";
  problems.push(`${from} → ${to}: ${rule.name}. ${comment}`);
}

// A parser that does not know the TypeScript in use reads no module and finds nothing wrong.
const read = new Set(modules.map(({ source }) => source));
const files = readdirSync("src", { recursive: true })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => `src/${name}`);
for (const file of files) if (!read.has(file)) problems.push(`${file}: was not read by dependency-cruiser.`);
const edges = modules.flatMap(({ source, dependencies }) =>
  dependencies
    .filter(({ resolved }) => resolved.startsWith("src/"))
    .map(({ resolved, module }) => ({ source, resolved, module })),
);
if (edges.length < files.length)
  problems.push(
    `dependency-cruiser saw ${edges.length} imports in ${files.length} files: its parser does not read them.`,
  );

for (const cycle of cyclesOf(
  edges.filter((edge) => !isTypeOnly(edge)).map(({ source, resolved }) => [source, resolved]),
))
  problems.push(`${cycle.join(" → ")}: files that need each other are one idea, or hide a third.`);

const room = (path) => /^src\/features\/([^/]+)\//.exec(path)?.[1];
const roomEdges = edges
  .map(({ source, resolved }) => [room(source), room(resolved)])
  .filter(([from, to]) => from && to && from !== to);
for (const cycle of cyclesOf(roomEdges))
  problems.push(`features ${cycle.join(" → ")}: rooms in a circle. Name an action or emit an event instead.`);

for (const problem of problems) console.error(problem);
console.log(
  problems.length === 0
    ? `${files.length} files, ${edges.length} imports: as the house has it.`
    : `${problems.length} problem(s) in ${files.length} files.`,
);
process.exitCode = problems.length === 0 ? 0 : 1;

/** Whether every mention of the module in its source is `import type` or `export type`. */
function isTypeOnly({ source, module }) {
  const text = readFileSync(source, "utf8");
  const specifier = module.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const mention = new RegExp(
    `\\b(?:import|export)\\s([^;"]*?)\\sfrom\\s*"${specifier}"|import\\(\\s*"${specifier}"`,
    "g",
  );
  const mentions = [...text.matchAll(mention)];
  return mentions.length > 0 && mentions.every(([, names]) => names !== undefined && /^type\s/.test(names));
}

/** One cycle of each strongly connected part, as the names on it. Tarjan's algorithm. */
function cyclesOf(pairs) {
  const next = new Map();
  for (const [from, to] of pairs) next.set(from, (next.get(from) ?? new Set()).add(to));
  const index = new Map();
  const low = new Map();
  const stack = [];
  const parts = [];
  const visit = (node) => {
    index.set(node, index.size);
    low.set(node, index.get(node));
    stack.push(node);
    for (const to of next.get(node) ?? []) {
      if (!index.has(to)) {
        visit(to);
        low.set(node, Math.min(low.get(node), low.get(to)));
      } else if (stack.includes(to)) low.set(node, Math.min(low.get(node), index.get(to)));
    }
    if (low.get(node) !== index.get(node)) return;
    const part = stack.splice(stack.indexOf(node));
    if (part.length > 1) parts.push(part);
  };
  for (const node of next.keys()) if (!index.has(node)) visit(node);
  return parts.map((part) => shortestCycle(part, next));
}

function shortestCycle(part, next) {
  const inside = new Set(part);
  const [start] = part;
  const paths = [[start]];
  const seen = new Set();
  for (const path of paths) {
    for (const to of next.get(path.at(-1)) ?? []) {
      if (to === start) return [...path, start];
      if (!inside.has(to) || seen.has(to)) continue;
      seen.add(to);
      paths.push([...path, to]);
    }
  }
  return part;
}

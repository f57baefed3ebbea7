/**
 * Which room may import which; the words are those of docs/architecture.md. `node scripts/modules.mjs` runs it and
 * looks for cycles itself: this parser does not tell an import of types from one of code.
 */
const rule = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    rule("resolvable", "The file or package is not there.", {}, { couldNotResolve: true }),
    rule(
      "no-development-packages",
      "What runs in production comes from dependencies.",
      { path: "^src" },
      { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    ),
    rule("no-tests-in-src", "src stands without its tests.", { path: "^src" }, { path: "^(test|scripts)/" }),
    rule(
      "platform-knows-no-feature",
      "platform stands below: what it needs of a feature is handed to it. Of the catalog it uses types and the grammar.",
      { path: "^src/platform/" },
      { path: "^src/", pathNot: "^src/(platform/|config/|catalog/(schema|grammar)\\.ts$)" },
    ),
    rule(
      "commands-stand-alone",
      "The grammar is pure: ids, refusals and itself.",
      { path: "^src/platform/commands/" },
      { path: "^src/", pathNot: "^src/platform/(commands/|ids\\.ts$|refusal\\.ts$)" },
    ),
    rule(
      "catalog-is-data",
      "The catalog imports times, refusals, ids and canonical JSON, and knows nobody who reads it.",
      { path: "^src/catalog/" },
      {
        path: "^src/",
        pathNot:
          "^src/(catalog/|platform/(canonical|refusal|ids)\\.ts$|platform/commands/(time|context)\\.ts$)",
      },
    ),
    rule(
      "config-stands-alone",
      "config reads the environment and nothing else.",
      { path: "^src/config/" },
      {
        path: "^src/",
        pathNot: "^src/config/",
      },
    ),
    rule(
      "providers-import-platform",
      "A provider knows the outside world and the platform; catalog types only. A kind's instances.ts builds from the catalog.",
      { path: "^src/providers/", pathNot: "/instances\\.ts$" },
      { path: "^src/", pathNot: "^src/(providers/|platform/|catalog/schema\\.ts$)" },
    ),
    rule(
      "provider-instances",
      "Builds a kind's instances from the catalog.",
      { path: "^src/providers/[^/]+/instances\\.ts$" },
      { path: "^src/", pathNot: "^src/(providers/|platform/|catalog/)" },
    ),
    rule(
      "provider-kinds-apart",
      "Kinds of providers do not know each other; errors are shared, and the client of Kubernetes.",
      { path: "^src/providers/([^/]+)/" },
      { path: "^src/providers/[^/]+/", pathNot: "^src/providers/($1|kubernetes)/" },
    ),
    rule(
      "features-through-the-door",
      "A feature is reached through its index.ts.",
      { path: "^src/features/([^/]+)/" },
      { path: "^src/features/[^/]+/", pathNot: "^src/features/($1/|[^/]+/index\\.ts$)" },
    ),
    rule(
      "features-import-down",
      "A feature imports platform, catalog, provider contracts and other features; never the composition or a role.",
      { path: "^src/features/[^/]+/" },
      { path: "^src/", pathNot: "^src/(features/[^/]+/|platform/|catalog/|providers/|config/config\\.ts$)" },
    ),
    rule(
      "models-are-pure",
      "model.ts decides; it has no database, no network, no clock.",
      { path: "^src/features/[^/]+/model\\.ts$" },
      {
        path: "^src/platform/((db|http|slack|rings|embedded)/|clock\\.ts$)|^src/providers/.*/(prometheus|scrape|router|postgres)",
      },
    ),
    rule(
      "router-stands-alone",
      "The router carries traffic when everything else is dead: config, http, log and secrets only.",
      { path: "^src/router/" },
      { path: "^src/", pathNot: "^src/(router/|config/|platform/(http/|log\\.ts$|secret\\.ts$))" },
    ),
    rule(
      "router-without-database",
      "The router has no database and no Slack.",
      { path: "^src/router/" },
      { path: "node_modules/(pg|kysely|bullmq|ioredis|@slack)/" },
    ),
    rule(
      "sandbox-is-not-the-product",
      "The local workspace and the demo service stand beside the product; only start and the command line know them.",
      { path: "^src/(features|platform|providers|router|catalog|config)/|^src/(app|roles)\\.ts$" },
      { path: "^src/sandbox/" },
    ),
    rule(
      "nobody-imports-the-top",
      "app.ts, roles.ts, start and cli are the top: they build, nobody below knows them.",
      { path: "^src/(features|platform|providers|router|catalog|config)/" },
      { path: "^src/(app|roles|main)\\.ts$|^src/(cli|start)/" },
    ),
    rule(
      "the-demo-only-looks",
      "The demo's observer sees what a person sees: the web, Slack, a login. It knows nothing of the inside.",
      { path: "^src/sandbox/demo/" },
      { path: "^src/(features|providers)/" },
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^src/sandbox/workspace/page/" },
    parser: "swc",
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: [".ts", ".js", ".mjs", ".cjs", ".json"] },
  },
};

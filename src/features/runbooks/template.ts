/**
 * A runbook's steps: Markdown with Handlebars of a small kind. Only the names below exist, all of them checked before
 * anybody reads the runbook; there is no way from a template to a prototype, a partial or code.
 */
import Handlebars from "handlebars";
import { toMrkdwn } from "./markdown.ts";

/** Filled in by Quarterdeck; a runbook's own inputs come on top. */
export const knownVariables = ["service", "environment", "team", "ticket", "alert"] as const;
export const helperNames = ["signal", "deploys", "budget", "since", "link", "action"] as const;
type HelperName = (typeof helperNames)[number];
const blockNames = ["if", "unless"];

export interface TemplateProblem {
  line: number;
  message: string;
}

/** What a template asks for: known before it is rendered, so that all of it can be fetched at once. */
export interface TemplateUses {
  signals: readonly string[];
  helpers: ReadonlySet<HelperName>;
  /** Commands its steps name, first words only: `rollback`. */
  actions: readonly { line: number; command: string }[];
}

export interface ActionWords {
  /** Words of the line; what is no plain name gets quotes. */
  words: readonly string[];
  label: string | undefined;
  isDangerous: boolean;
}

/** Each answers mrkdwn that is safe to show. */
export interface TemplateHelpers {
  text(value: unknown): string;
  code(value: unknown): string;
  signal(name: string): string;
  deploys(count: number | undefined): string;
  budget(): string;
  since(): string;
  link(url: string, label: string): string;
  action(words: ActionWords): string;
}

export interface Template {
  uses: TemplateUses;
  render(variables: Readonly<Record<string, string | undefined>>, helpers: TemplateHelpers): string;
}

/** @param text the whole file with the front matter blanked out, so that lines count right */
export function readTemplate(
  text: string,
  inputs: readonly string[],
): { ok: true; template: Template } | { ok: false; problems: TemplateProblem[] } {
  const names = new Set<string>([...knownVariables, ...inputs]);
  let tree: hbs.AST.Program;
  try {
    tree = Handlebars.parse(text);
  } catch (cause) {
    return { ok: false, problems: [syntaxProblem(cause)] };
  }
  const walk = new Walk(names);
  walk.statements(tree.body);
  walk.problems.push(...linkProblems(text));
  if (walk.problems.length > 0) return { ok: false, problems: walk.problems };

  const own = new Set<string>(helperNames);
  const prepared = toMrkdwn(text, own);
  const bare = bareVariables(Handlebars.parse(prepared).body);
  if (bare.length > 0) return { ok: false, problems: bare };
  const environment = Handlebars.create();
  const known = Object.fromEntries([...helperNames, "text", "code"].map((name) => [name, true]));
  const run = environment.compile<Record<string, string>>(prepared, {
    noEscape: true,
    knownHelpersOnly: true,
    knownHelpers: known as KnownHelpers,
  });
  return {
    ok: true,
    template: {
      uses: { signals: walk.signals, helpers: walk.helpers, actions: walk.actions },
      render: (variables, helpers) =>
        run(Object.fromEntries([...names].map((name) => [name, variables[name] ?? ""])), {
          helpers: wired(helpers),
          allowProtoMethodsByDefault: false,
          allowProtoPropertiesByDefault: false,
        }).trim(),
    },
  };
}

/** Values that no helper would escape: spellings such as `{{[service]}}` that the preparation does not know. */
function bareVariables(body: readonly hbs.AST.Statement[]): TemplateProblem[] {
  return body.flatMap((node) => {
    if (node.type === "BlockStatement") {
      const { program, inverse } = node as hbs.AST.BlockStatement;
      return [...bareVariables(program?.body ?? []), ...bareVariables(inverse?.body ?? [])];
    }
    if (node.type !== "MustacheStatement") return [];
    const { path, params } = node as hbs.AST.MustacheStatement;
    return params.length > 0 || isHelper(nameOf(path) ?? "")
      ? []
      : [
          {
            line: node.loc.start.line,
            message: `writes ${shown(path)} in a way that is not read; write {{name}}`,
          },
        ];
  });
}

/** Handlebars hands its options last. */
function wired(helpers: TemplateHelpers): Record<string, (...args: unknown[]) => string> {
  return {
    text: (value) => helpers.text(value),
    code: (value) => helpers.code(value),
    signal: (name) => helpers.signal(String(name)),
    deploys: (count) => helpers.deploys(typeof count === "number" ? count : undefined),
    budget: () => helpers.budget(),
    since: () => helpers.since(),
    link: (url, label) => helpers.link(String(url), String(label)),
    action: (...args) => {
      const { hash } = args.at(-1) as { hash: { label?: unknown; danger?: unknown } };
      return helpers.action({
        words: args.slice(0, -1).map(String),
        label: hash.label === undefined ? undefined : String(hash.label),
        isDangerous: hash.danger === true,
      });
    },
  };
}

function syntaxProblem(cause: unknown): TemplateProblem {
  const message = cause instanceof Error ? cause.message : String(cause);
  const line = Number(/line (\d+)|- (\d+):\d+$/.exec(message)?.slice(1).find(Boolean) ?? 1);
  const [, expected] = /^(Expecting .*)$/m.exec(message) ?? [];
  return {
    line,
    message: `is not a template that can be read: ${expected ?? message.split("\n")[0]}; write {{name}} or {{#if name}} … {{/if}}`,
  };
}

/** A value inside a Markdown address would not be checked as one. */
function linkProblems(text: string): TemplateProblem[] {
  return text.split("\n").flatMap((row, index) =>
    /\]\([^)\n]*\{\{/.test(row)
      ? [
          {
            line: index + 1,
            message: 'has an expression in a link\'s address; write {{link "https://…" "label"}}',
          },
        ]
      : [],
  );
}

/** Lets through what the list above allows and says of the rest where it stands. */
class Walk {
  readonly problems: TemplateProblem[] = [];
  readonly signals: string[] = [];
  readonly helpers = new Set<HelperName>();
  readonly actions: { line: number; command: string }[] = [];

  constructor(private readonly names: ReadonlySet<string>) {}

  statements(body: readonly hbs.AST.Statement[]): void {
    for (const node of body) this.statement(node);
  }

  private statement(node: hbs.AST.Statement): void {
    switch (node.type) {
      case "ContentStatement":
      case "CommentStatement":
        return;
      case "MustacheStatement":
        this.mustache(node as hbs.AST.MustacheStatement);
        return;
      case "BlockStatement":
        this.block(node as hbs.AST.BlockStatement);
        return;
      default:
        this.say(node, "has a partial or decorator; runbooks have none");
    }
  }

  private mustache(node: hbs.AST.MustacheStatement): void {
    if (!node.escaped) {
      this.say(node, "has {{{ or {{&; write {{name}}: every value is escaped");
      return;
    }
    const name = nameOf(node.path);
    if (name !== undefined && isHelper(name)) {
      this.helper(node, name);
      return;
    }
    if (node.params.length > 0 || (node.hash !== undefined && node.hash.pairs.length > 0)) {
      this.say(node, `calls ${shown(node.path)}, which is no helper; there is ${helperNames.join(", ")}`);
      return;
    }
    this.variable(node.path);
  }

  private block(node: hbs.AST.BlockStatement): void {
    const name = nameOf(node.path);
    const [subject] = node.params;
    if (name === undefined || !blockNames.includes(name) || subject === undefined || node.params.length > 1)
      this.say(node, `has the block ${shown(node.path)}; there is {{#if name}} and {{#unless name}}`);
    else this.variable(subject);
    if (node.program) this.statements(node.program.body);
    if (node.inverse) this.statements(node.inverse.body);
  }

  private helper(node: hbs.AST.MustacheStatement, name: HelperName): void {
    this.helpers.add(name);
    for (const value of [...node.params, ...(node.hash?.pairs ?? []).map((pair) => pair.value)])
      this.value(value);
    const [first] = node.params;
    const count = node.params.length;
    switch (name) {
      case "signal":
        if (first?.type !== "StringLiteral" || count !== 1) {
          this.say(node, 'needs one signal by name: {{signal "error-ratio"}}');
          return;
        }
        this.signals.push((first as hbs.AST.StringLiteral).value);
        return;
      case "deploys":
        if (count > 1 || (first !== undefined && first.type !== "NumberLiteral"))
          this.say(node, "takes a number at most: {{deploys 3}}");
        return;
      case "budget":
      case "since":
        if (count > 0) this.say(node, `takes nothing: {{${name}}}`);
        return;
      case "link":
        if (count !== 2) this.say(node, 'needs an address and a label: {{link "https://…" "dashboard"}}');
        return;
      case "action":
        if (first?.type !== "StringLiteral") {
          this.say(node, 'needs a command: {{action "rollback" service label="Roll back"}}');
          return;
        }
        this.actions.push({ line: node.loc.start.line, command: (first as hbs.AST.StringLiteral).value });
        for (const { key, loc } of node.hash?.pairs ?? [])
          if (key !== "label" && key !== "danger")
            this.problems.push({
              line: loc.start.line,
              message: `action knows label= and danger=, not ${key}=`,
            });
    }
  }

  private value(node: hbs.AST.Expression): void {
    if (["StringLiteral", "NumberLiteral", "BooleanLiteral"].includes(node.type)) return;
    this.variable(node);
  }

  private variable(node: hbs.AST.Expression): void {
    const name = nameOf(node);
    if (name !== undefined && this.names.has(name)) return;
    this.say(
      node,
      `names ${shown(node)}, which is not known; there is ${[...this.names].join(", ")}; declare your own under inputs`,
    );
  }

  private say(node: hbs.AST.Node, message: string): void {
    this.problems.push({ line: node.loc.start.line, message });
  }
}

const isHelper = (name: string): name is HelperName => (helperNames as readonly string[]).includes(name);

/** A plain name; undefined for `a.b`, `../a`, `this`, `@root` and literals. */
function nameOf(node: hbs.AST.Node): string | undefined {
  if (node.type !== "PathExpression") return undefined;
  const path = node as hbs.AST.PathExpression;
  return !path.data && path.depth === 0 && path.parts.length === 1 && path.original === path.parts[0]
    ? path.original
    : undefined;
}

const shown = (node: hbs.AST.Node): string =>
  node.type === "PathExpression" ? `"${(node as hbs.AST.PathExpression).original}"` : "an expression";

/** The `rich_text` block. Source: Slack docs, "Rich text block". */
import { h, isLink } from "./dom.js";
import { formatDate } from "./mrkdwn.js";

export function drawRichText(block, env) {
  return (block.elements ?? []).map((part) => drawPart(part, env));
}

function drawPart(part, env) {
  const inner = () => (part.elements ?? []).map((element) => drawInline(element, env));
  switch (part.type) {
    case "rich_text_section":
      return h("span", { className: "rich" }, inner());
    case "rich_text_quote":
      return h("blockquote", {}, inner());
    case "rich_text_preformatted":
      return h("pre", {}, inner());
    case "rich_text_list":
      return h(
        part.style === "ordered" ? "ol" : "ul",
        { className: `indent${Math.min(part.indent ?? 0, 4)}` },
        (part.elements ?? []).map((item) => h("li", {}, drawPart(item, env))),
      );
    default:
      return h("span", {}, inner());
  }
}

function drawInline(element, env) {
  const styled = (node) => {
    const style = element.style ?? {};
    let out = node;
    if (style.code) out = h("code", {}, out);
    if (style.bold) out = h("strong", {}, out);
    if (style.italic) out = h("em", {}, out);
    if (style.strike) out = h("s", {}, out);
    return out;
  };
  switch (element.type) {
    case "text":
      return styled(h("span", { className: "keep" }, element.text));
    case "link":
      return styled(
        isLink(element.url)
          ? h(
              "a",
              { href: element.url, target: "_blank", rel: "noopener noreferrer" },
              element.text ?? element.url,
            )
          : (element.text ?? element.url),
      );
    case "user":
      return styled(h("span", { className: "mention" }, `@${env.user(element.user_id) ?? element.user_id}`));
    case "usergroup":
      return styled(h("span", { className: "mention" }, `@${env.group(element.usergroup_id) ?? "group"}`));
    case "channel":
      return styled(
        h("span", { className: "mention" }, `#${env.channel(element.channel_id) ?? element.channel_id}`),
      );
    case "broadcast":
      return h("span", { className: "mention" }, `@${element.range}`);
    case "emoji":
      return element.unicode
        ? String.fromCodePoint(...element.unicode.split("-").map((code) => Number.parseInt(code, 16)))
        : `:${element.name}:`;
    case "date":
      return styled(formatDate(new Date(element.timestamp * 1000), element.format ?? "{date}", env));
    default:
      return element.fallback ?? "";
  }
}

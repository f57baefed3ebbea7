/** Block Kit on the page. `ctx`: { env, press(action) → Promise, formId? } */
import { confirmed, h, isLink } from "./dom.js";
import { parseMarkdown } from "./markdown.js";
import { draw, drawTable, marked, parse, unescaped, withEmoji } from "./mrkdwn.js";
import { drawRichText } from "./richtext.js";

export function plain(object) {
  const text = typeof object === "string" ? object : (object?.text ?? "");
  return withEmoji(unescaped(text));
}

export function textNodes(object, env) {
  if (!object) return [];
  return object.type === "mrkdwn"
    ? draw(parse(object.text ?? "", env))
    : [h("span", { className: "keep" }, marked(plain(object)))];
}

export function drawBlocks(blocks, ctx) {
  return (blocks ?? []).map((block) => {
    const node = drawBlock(block, ctx);
    node.classList.add("block", `b-${block.type}`);
    return node;
  });
}

function drawBlock(block, ctx) {
  switch (block.type) {
    case "header":
      return h("h3", {}, marked(plain(block.text)));
    case "divider":
      return h("hr");
    case "section":
      return section(block, ctx);
    case "context":
      return h(
        "div",
        {},
        (block.elements ?? []).map((one) =>
          one.type === "image" ? image(one) : h("span", {}, textNodes(one, ctx.env)),
        ),
      );
    case "actions":
    case "context_actions":
      return h(
        "div",
        {},
        (block.elements ?? []).map((one) => drawElement(one, block, ctx)),
      );
    case "image":
      return h("figure", {}, block.title ? h("figcaption", {}, plain(block.title)) : undefined, image(block));
    case "markdown":
      return h("div", {}, draw(parseMarkdown(block.text ?? "", ctx.env)));
    case "rich_text":
      return h("div", {}, drawRichText(block, ctx.env));
    case "table":
      return h(
        "div",
        {},
        drawTable({ rows: (block.rows ?? []).map((row) => row.map((cell) => tableCell(cell, ctx))) }),
      );
    default:
      return h("div", { className: "unknown" }, `[${block.type} block]`);
  }
}

function tableCell(cell, ctx) {
  const text =
    cell.type === "rich_text"
      ? (cell.elements ?? []).flatMap((part) => (part.elements ?? []).map((one) => one.text ?? "")).join("")
      : String(cell.text ?? cell.value ?? "");
  return cell.type === "mrkdwn" ? parse(text, ctx.env) : [{ is: "text", text }];
}

function section(block, ctx) {
  const fields = (block.fields ?? []).map((field) =>
    h("div", { className: "field" }, textNodes(field, ctx.env)),
  );
  return h(
    "div",
    {},
    h(
      "div",
      { className: "section-main" },
      block.text ? h("div", {}, textNodes(block.text, ctx.env)) : undefined,
      fields.length > 0 ? h("div", { className: "fields" }, fields) : undefined,
    ),
    block.accessory
      ? h("div", { className: "accessory" }, drawElement(block.accessory, block, ctx))
      : undefined,
  );
}

export function image(block) {
  const src = block.slack_file
    ? `/workspace/files/${encodeURIComponent(block.slack_file.id ?? block.slack_file.url?.split("/").at(-2) ?? "")}`
    : block.image_url;
  const picture = h("img", { src, alt: block.alt_text ?? "" });
  return block.slack_file
    ? h("a", { href: src, target: "_blank", rel: "noopener noreferrer" }, picture)
    : picture;
}

function drawElement(element, block, ctx) {
  const name = { action_id: element.action_id, block_id: block.block_id };
  const press = async (value, control) => {
    const confirm = element.confirm && {
      ...element.confirm,
      rendered: textNodes(element.confirm.text, ctx.env),
    };
    if (!(await confirmed(confirm, plain))) return false;
    control.disabled = true;
    control.classList.add("busy");
    await ctx.press({ ...name, value });
    control.disabled = false;
    control.classList.remove("busy");
    return true;
  };
  switch (element.type) {
    case "button":
      return button(element, press);
    case "overflow":
      return overflow(element, press);
    case "image":
      return image(element);
    case "static_select":
    case "users_select":
    case "external_select":
    case "conversations_select":
    case "channels_select":
      return h(
        "select",
        {
          className: "btn",
          "aria-label": plain(element.placeholder) || "Choose",
          "data-action": element.action_id,
          onchange: (event) => void press(event.target.value, event.target),
        },
        selectOptions(element, ctx),
      );
    case "datepicker":
    case "timepicker":
      return h("input", {
        type: element.type === "datepicker" ? "date" : "time",
        className: "btn",
        value: element.initial_date ?? element.initial_time,
        "aria-label": plain(element.placeholder) || "Choose",
        onchange: (event) => void press(event.target.value, event.target),
      });
    case "checkboxes":
    case "radio_buttons":
      return choices(element, (values, control) => void press(values, control));
    default:
      return h("span", { className: "unknown" }, `[${element.type}]`);
  }
}

function button(element, press) {
  const style = element.style === "primary" || element.style === "danger" ? ` ${element.style}` : "";
  const props = {
    className: `btn${style}`,
    "data-action": element.action_id,
    "aria-label": element.accessibility_label,
  };
  if (element.url && isLink(element.url)) {
    const open = (event) => void press(undefined, event.currentTarget);
    return h(
      "a",
      { ...props, href: element.url, target: "_blank", rel: "noopener noreferrer", onclick: open },
      plain(element.text),
    );
  }
  const node = h(
    "button",
    { ...props, type: "button", onclick: () => void press(undefined, node) },
    plain(element.text),
  );
  return node;
}

function overflow(element, press) {
  const menu = h("div", { className: "menu", role: "menu", hidden: true });
  const toggle = h(
    "button",
    {
      type: "button",
      className: "btn overflow",
      "aria-label": "More actions",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      "data-action": element.action_id,
      onclick: () => show(menu.hidden),
    },
    "⋯",
  );
  const show = (isOpen) => {
    menu.hidden = !isOpen;
    toggle.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) menu.querySelector("button, a")?.focus();
  };
  for (const option of element.options ?? []) {
    menu.append(
      h(
        "button",
        {
          type: "button",
          role: "menuitem",
          "data-value": option.value,
          onclick: () => {
            show(false);
            if (option.url && isLink(option.url)) window.open(option.url, "_blank", "noopener");
            void press(option.value, toggle);
          },
        },
        plain(option.text),
      ),
    );
  }
  const holder = h("span", { className: "overflow-holder" }, toggle, menu);
  holder.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !menu.hidden) {
      show(false);
      toggle.focus();
    }
  });
  holder.addEventListener("focusout", (event) => {
    if (!holder.contains(event.relatedTarget)) show(false);
  });
  return holder;
}

/** Options of a select: its own, or the people and channels there are. */
export function selectOptions(element, ctx) {
  const initial = element.initial_option?.value ?? element.initial_user ?? element.initial_channel;
  const option = (value, label) => h("option", { value, selected: value === initial }, label);
  const first = h(
    "option",
    { value: "", disabled: element.required === true, selected: initial === undefined },
    plain(element.placeholder) || "Choose…",
  );
  if (element.type.includes("users_select")) {
    return [first, ...ctx.env.people().map((one) => option(one.id, one.realName))];
  }
  if (element.type === "channels_select" || element.type === "conversations_select") {
    return [first, ...ctx.env.rooms().map((one) => option(one.id, `#${one.name}`))];
  }
  const groups = (element.option_groups ?? []).map((group) =>
    h(
      "optgroup",
      { label: plain(group.label) },
      group.options.map((one) => option(one.value, plain(one.text))),
    ),
  );
  return [first, ...(element.options ?? []).map((one) => option(one.value, plain(one.text))), ...groups];
}

let choiceGroups = 0;

/** Checkboxes or radio buttons; `changed` gets the chosen values. */
export function choices(element, changed) {
  const isMany = element.type === "checkboxes";
  const initial = (element.initial_options ?? [element.initial_option])
    .filter(Boolean)
    .map((one) => one.value);
  const name = `choice${choiceGroups++}`;
  const box = h("div", { className: "choices" });
  for (const option of element.options ?? []) {
    const input = h("input", {
      type: isMany ? "checkbox" : "radio",
      className: "choice",
      name,
      value: option.value,
      checked: initial.includes(option.value),
      onchange: () => {
        const values = [...box.querySelectorAll("input:checked")].map((one) => one.value);
        changed(isMany ? values : values[0], input);
      },
    });
    box.append(
      h(
        "label",
        {},
        input,
        h("span", {}, plain(option.text)),
        option.description ? h("small", {}, plain(option.description)) : undefined,
      ),
    );
  }
  return box;
}

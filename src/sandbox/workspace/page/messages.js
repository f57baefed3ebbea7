/** A list of messages that changes as little as it can, so that an open menu survives news from elsewhere. */
import { drawBlocks, image } from "./blocks.js";
import { h, hue, initials } from "./dom.js";
import { draw, formatDate, parse } from "./mrkdwn.js";

export class MessageList {
  #box;
  #nodes = new Map();
  #hidden = new Set();

  #isPinned = true;

  constructor(box) {
    this.#box = box;
    box.addEventListener("scroll", () => {
      this.#isPinned = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
    });
    // A picture that arrives late pushes the newest message out of sight.
    box.addEventListener("load", () => this.#toEnd(), true);
    addEventListener("resize", () => this.#toEnd());
  }

  #toEnd() {
    if (this.#isPinned) this.#box.scrollTop = this.#box.scrollHeight;
  }

  /** `ctx`: { env, person(id), press(message, action), openThread?(ts), appId } */
  show(messages, key, ctx) {
    const isNew = this.#box.dataset.key !== key;
    this.#box.dataset.key = key;
    if (isNew) {
      this.#nodes.clear();
      this.#isPinned = true;
    }
    const wanted = [];
    let day = "";
    for (const message of messages) {
      if (this.#hidden.has(message.ts)) continue;
      const today = formatDate(new Date(Number(message.ts) * 1000), "{date_long_pretty}", ctx.env);
      if (today !== day) wanted.push(this.#node(`day ${today}`, today, () => dayLine(today)));
      day = today;
      const drawn = JSON.stringify([message, ctx.person(message.user)]);
      wanted.push(this.#node(message.ts, drawn, () => this.#draw(message, ctx)));
    }
    if (messages.length === 0)
      wanted.push(this.#node("empty", "", () => h("p", { className: "empty" }, "Nothing here yet.")));
    place(this.#box, wanted);
    this.#toEnd();
  }

  #node(key, drawn, make) {
    const known = this.#nodes.get(key);
    if (known?.drawn === drawn) return known.node;
    const node = make();
    this.#nodes.set(key, { drawn, node });
    return node;
  }

  #draw(message, ctx) {
    const person = ctx.person(message.user);
    const moment = new Date(Number(message.ts) * 1000);
    const press = (action) => ctx.press(message, action);
    const body = h("div", { className: "body" });
    if (message.blocks?.length) body.append(...drawBlocks(message.blocks, { env: ctx.env, press }));
    else if (message.text) body.append(h("div", { className: "text" }, draw(parse(message.text, ctx.env))));
    for (const part of message.attachments ?? []) body.append(attachment(part, ctx, press));
    for (const file of message.files ?? []) body.append(fileNode(file));
    if (message.edited)
      (body.querySelector(".text") ?? body).append(h("span", { className: "edited" }, " (edited)"));
    const foot = h("div", { className: "foot" });
    if (message.replies > 0 && ctx.openThread) {
      const last = formatDate(
        new Date(Number(message.lastReplyTs) * 1000),
        "{date_short_pretty} {time}",
        ctx.env,
      );
      const words = `${message.replies} ${message.replies === 1 ? "reply" : "replies"}`;
      foot.append(
        h(
          "button",
          { type: "button", className: "replies", onclick: () => ctx.openThread(message.ts) },
          words,
          h("small", {}, ` last ${last}`),
        ),
      );
    } else if (ctx.openThread && !message.ephemeral) {
      foot.append(
        h(
          "button",
          { type: "button", className: "reply", onclick: () => ctx.openThread(message.ts) },
          "Reply in thread",
        ),
      );
    }
    return h(
      "article",
      { className: `message${message.ephemeral ? " ephemeral" : ""}`, "data-ts": message.ts },
      h(
        "div",
        { className: `avatar ${person.isBot ? "bot" : hue(message.user)}`, "aria-hidden": "true" },
        person.isBot ? "⎈" : initials(person.realName),
      ),
      h(
        "div",
        { className: "content" },
        message.ephemeral ? this.#onlyYou(message) : undefined,
        h(
          "div",
          { className: "head" },
          h("span", { className: "name" }, person.realName),
          person.isBot ? h("span", { className: "badge" }, "APP") : undefined,
          h(
            "time",
            { datetime: moment.toISOString(), title: formatDate(moment, "{date_long} {time_secs}", ctx.env) },
            formatDate(moment, "{time}", ctx.env),
          ),
        ),
        body,
        foot,
      ),
    );
  }

  #onlyYou(message) {
    const hide = (event) => {
      this.#hidden.add(message.ts);
      event.target.closest("article").remove();
    };
    return h(
      "div",
      { className: "only-you" },
      "Only visible to you · ",
      h("button", { type: "button", onclick: hide }, "Dismiss"),
    );
  }
}

/** Puts these nodes in the box in order, moving none that is already in its place. */
function place(box, wanted) {
  const keep = new Set(wanted);
  for (const node of [...box.children]) if (!keep.has(node)) node.remove();
  wanted.forEach((node, index) => {
    if (box.children[index] !== node) box.insertBefore(node, box.children[index] ?? null);
  });
}

function dayLine(text) {
  return h("div", { className: "day" }, h("span", {}, text));
}

function attachment(part, ctx, press) {
  const box = h("div", { className: "attachment" });
  if (/^#[0-9a-f]{6}$/i.test(part.color ?? "")) box.style.borderLeftColor = part.color;
  if (part.title) box.append(h("strong", {}, part.title));
  if (part.text) box.append(h("div", {}, draw(parse(part.text, ctx.env))));
  box.append(...drawBlocks(part.blocks, { env: ctx.env, press }));
  return box;
}

function fileNode(file) {
  if (!String(file.mimetype ?? "").startsWith("image/")) {
    return h(
      "a",
      { className: "file", href: `/workspace/files/${encodeURIComponent(file.id)}` },
      file.title || file.name,
    );
  }
  return h(
    "figure",
    { className: "block b-image" },
    h("figcaption", {}, file.title || file.name),
    image({ slack_file: { id: file.id }, alt_text: file.alt_txt || file.title || file.name }),
  );
}

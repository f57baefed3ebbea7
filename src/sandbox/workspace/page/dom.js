/** Makes one element; text is always text, never markup. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name === "className" ? "class" : name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

export function initials(name) {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  return ((words[0]?.[0] ?? "?") + (words[1]?.[0] ?? "")).toUpperCase();
}

/** A colour class that stays the same for the same person. */
export function hue(id) {
  let sum = 0;
  for (const char of id) sum = (sum * 31 + char.charCodeAt(0)) % 997;
  return `hue${sum % 8}`;
}

export function isLink(href) {
  return /^(?:https?:\/\/|mailto:|\/)/i.test(href);
}

/** Slack's "are you sure?" of a button, as a native dialog. Resolves to whether the person went on. */
export function confirmed(confirm, plain) {
  if (!confirm) return Promise.resolve(true);
  return new Promise((resolve) => {
    const end = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    const go = h(
      "button",
      {
        type: "button",
        className: `btn ${confirm.style === "danger" ? "danger" : "primary"}`,
        onclick: () => end(true),
      },
      plain(confirm.confirm) || "Confirm",
    );
    const stay = h(
      "button",
      { type: "button", className: "btn", onclick: () => end(false) },
      plain(confirm.deny) || "Cancel",
    );
    const dialog = h(
      "dialog",
      { className: "confirm", "aria-label": plain(confirm.title) || "Are you sure?" },
      h("h2", { className: "confirm-title" }, plain(confirm.title) || "Are you sure?"),
      h("div", { className: "confirm-text" }, confirm.rendered ?? plain(confirm.text)),
      h("div", { className: "confirm-buttons" }, stay, go),
    );
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      end(false);
    });
    document.body.append(dialog);
    dialog.showModal();
    stay.focus();
  });
}

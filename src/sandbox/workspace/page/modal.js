/** The modal on top of the page. What was typed stays when the app changes the view or names errors. */
import { choices, drawBlocks, plain, selectOptions } from "./blocks.js";
import { h } from "./dom.js";

export class ModalScreen {
  #overlay;
  #shown = "";
  #viewId = "";
  #values = {};
  #before = null;

  constructor(overlay) {
    this.#overlay = overlay;
  }

  /** `ctx`: { env, submit(viewId, values), close(viewId), press(action) } */
  show(modal, ctx) {
    const key = modal ? JSON.stringify([modal.view.id, modal.view.hash, modal.errors]) : "";
    if (key === this.#shown) return;
    this.#shown = key;
    if (!modal) {
      this.#overlay.hidden = true;
      this.#overlay.replaceChildren();
      this.#viewId = "";
      this.#before?.focus?.();
      return;
    }
    if (modal.view.id !== this.#viewId) {
      this.#viewId = modal.view.id;
      this.#values = {};
      this.#before ??= document.activeElement;
    }
    this.#overlay.replaceChildren(this.#draw(modal, ctx));
    this.#overlay.hidden = false;
    const first = this.#overlay.querySelector(
      "[aria-invalid=true], .modal-body input, .modal-body select, .modal-body textarea",
    );
    (first ?? this.#overlay.querySelector("button"))?.focus();
  }

  #draw({ view, errors }, ctx) {
    const close = () => void ctx.close(view.id);
    const submit = h("button", { type: "submit", className: "btn primary" }, plain(view.submit) || "Submit");
    const form = h(
      "form",
      {
        className: "modal",
        role: "dialog",
        "aria-modal": "true",
        "aria-label": plain(view.title),
        novalidate: true,
        onsubmit: async (event) => {
          event.preventDefault();
          submit.disabled = true;
          submit.classList.add("busy");
          await ctx.submit(view.id, this.#values);
          submit.disabled = false;
          submit.classList.remove("busy");
        },
        onkeydown: (event) => {
          if (event.key === "Escape") close();
          if (event.key === "Tab") keepFocus(event, form);
        },
      },
      h(
        "div",
        { className: "modal-head" },
        h("h2", { className: "modal-title" }, plain(view.title)),
        h("button", { type: "button", className: "icon", "aria-label": "Close", onclick: close }, "×"),
      ),
      h(
        "div",
        { className: "modal-body" },
        (view.blocks ?? []).map((block) => this.#block(block, errors, ctx)),
      ),
      h(
        "div",
        { className: "modal-foot" },
        h("button", { type: "button", className: "btn", onclick: close }, plain(view.close) || "Cancel"),
        view.submit ? submit : undefined,
      ),
    );
    return form;
  }

  #block(block, errors, ctx) {
    if (block.type !== "input") {
      const press = (action) => ctx.press({ ...action, view_id: this.#viewId, values: this.#values });
      return drawBlocks([block], { env: ctx.env, press })[0];
    }
    const error = errors[block.block_id];
    const control = this.#control(block, error, ctx);
    return h(
      "div",
      { className: `block input${error ? " wrong" : ""}` },
      h(
        "label",
        {},
        h(
          "span",
          { className: "label" },
          plain(block.label),
          block.optional ? h("small", {}, " (optional)") : undefined,
        ),
        control,
      ),
      error ? h("div", { className: "error", role: "alert" }, error) : undefined,
      block.hint ? h("div", { className: "hint" }, plain(block.hint)) : undefined,
    );
  }

  #control(block, error, ctx) {
    const { element } = block;
    const given = this.#values[block.block_id]?.[element.action_id];
    const keep = (value) => {
      this.#values[block.block_id] = { ...this.#values[block.block_id], [element.action_id]: value };
    };
    const start = given ?? startValue(element);
    if (start !== undefined) keep(start);
    const common = {
      "aria-invalid": error ? "true" : undefined,
      "data-action": element.action_id,
      placeholder: plain(element.placeholder) || undefined,
    };
    switch (element.type) {
      case "static_select":
      case "users_select":
      case "channels_select":
      case "conversations_select":
      case "multi_static_select":
      case "multi_users_select": {
        const isMany = element.type.startsWith("multi_");
        const select = h("select", { ...common, multiple: isMany }, selectOptions(element, ctx));
        const chosen = [given ?? start ?? []].flat();
        for (const option of select.options)
          option.selected =
            chosen.includes(option.value) || (!isMany && chosen.length === 0 && option.value === "");
        select.addEventListener("change", () => {
          const values = [...select.selectedOptions].map((one) => one.value).filter(Boolean);
          keep(isMany ? values : (values[0] ?? null));
        });
        return select;
      }
      case "checkboxes":
      case "radio_buttons":
        return choices(element, keep);
      default: {
        const isLong = element.type === "plain_text_input" && element.multiline;
        const types = {
          datepicker: "date",
          timepicker: "time",
          number_input: "number",
          email_text_input: "email",
          url_text_input: "url",
        };
        const field = isLong
          ? h("textarea", { ...common, rows: 4, value: start ?? "" })
          : h("input", { ...common, type: types[element.type] ?? "text", value: start ?? "" });
        field.addEventListener("input", () => keep(field.value));
        return field;
      }
    }
  }
}

function startValue(element) {
  return (
    element.initial_value ??
    element.initial_date ??
    element.initial_time ??
    element.initial_user ??
    element.initial_users ??
    element.initial_channel ??
    element.initial_option?.value ??
    element.initial_options?.map((one) => one.value)
  );
}

function keepFocus(event, form) {
  const stops = [...form.querySelectorAll("button, input, select, textarea, a[href]")].filter(
    (one) => !one.disabled,
  );
  const [first, last] = [stops[0], stops.at(-1)];
  if (event.shiftKey && document.activeElement === first) {
    event.preventDefault();
    last?.focus();
  } else if (!event.shiftKey && document.activeElement === last) {
    event.preventDefault();
    first?.focus();
  }
}

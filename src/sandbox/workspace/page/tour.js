/** The tour: the next thing to try, put in place with one click. */
import { h } from "./dom.js";

const place = "quarterdeck.tour";

export class Tour {
  #box;
  #step;

  constructor(box) {
    this.#box = box;
    this.#step = Number(localStorage.getItem(place)) || 0;
  }

  /** `ctx`: { steps, actorName(id), roomName(id), me, attempt(step) } */
  show(ctx) {
    const { steps } = ctx;
    if (steps.length === 0) {
      this.#box.hidden = true;
      return;
    }
    this.#step = Math.min(this.#step, steps.length);
    const go = (to) => {
      this.#step = Math.max(0, Math.min(to, steps.length));
      localStorage.setItem(place, String(this.#step));
      this.show(ctx);
    };
    const step = steps[this.#step];
    this.#box.replaceChildren(
      h("h2", {}, "Tour"),
      h("progress", { max: steps.length, value: this.#step, "aria-label": "Tour progress" }),
      ...(step
        ? this.#now(step, ctx, go)
        : [
            h("p", {}, "That was all of it. Everything you did is in the audit: "),
            h("code", {}, "/ops audit"),
          ]),
      h(
        "ol",
        { className: "steps" },
        steps.map((one, index) =>
          h(
            "li",
            { className: index < this.#step ? "done" : index === this.#step ? "now" : "" },
            h(
              "button",
              {
                type: "button",
                "aria-current": index === this.#step ? "step" : undefined,
                onclick: () => go(index),
              },
              one.title,
            ),
          ),
        ),
      ),
    );
  }

  #now(step, ctx, go) {
    const where = [
      step.as && `as ${ctx.actorName(step.as)}`,
      step.channel && `in #${ctx.roomName(step.channel)}`,
    ]
      .filter(Boolean)
      .join(", ");
    const attempt = async () => {
      await ctx.attempt(step);
    };
    return [
      h("h3", {}, `${this.#step + 1}. ${step.title}`),
      h("p", {}, step.body),
      step.try ? h("pre", { className: "try" }, step.try) : undefined,
      where ? h("p", { className: "where" }, where) : undefined,
      h(
        "div",
        { className: "tour-buttons" },
        step.try || step.as || step.channel
          ? h(
              "button",
              { type: "button", className: "btn primary", id: "tour-try", onclick: attempt },
              step.try ? "Fill it in" : "Take me there",
            )
          : undefined,
        h("button", { type: "button", className: "btn", onclick: () => go(this.#step + 1) }, "Next"),
      ),
    ].filter(Boolean);
  }
}

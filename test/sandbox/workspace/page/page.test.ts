import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser } from "../../../support/browser.ts";
import { requireService } from "../../../support/services.ts";
import { ada, type Body, dan, type Harness, lea, openHarness, ops } from "../harness.ts";

let h: Harness;
let browser: Browser;
const problems: string[] = [];
const chromium = requireService("chromium");

beforeAll(async () => {
  h = await openHarness({
    tour: [
      {
        title: "Ask for the state",
        body: "Only you see the answer.",
        try: "/ops status",
        as: dan,
        channel: ops,
      },
      { title: "Look around", body: "That is all." },
    ],
  });
  h.app.command("/ops", async (args: Body) => {
    if (args.command.text !== "form") return args.ack({ text: "*shop* is well" });
    await args.ack();
    await args.client.views.open({
      trigger_id: args.body.trigger_id,
      view: {
        type: "modal",
        callback_id: "request",
        title: { type: "plain_text", text: "Request access" },
        submit: { type: "plain_text", text: "Ask" },
        blocks: [
          {
            type: "input",
            block_id: "why",
            label: { type: "plain_text", text: "Why" },
            element: { type: "plain_text_input", action_id: "text" },
          },
        ],
      },
    });
  });
  h.app.view("request", async (args: Body) => {
    const why: string = args.view.state.values.why.text.value;
    if (!why.includes("INC-"))
      return args.ack({ response_action: "errors", errors: { why: "Name a ticket." } });
    await args.ack();
    await args.client.chat.postMessage({ channel: ops, text: `asked: ${why}` });
  });
  h.app.action("revert", async (args: Body) => {
    await args.ack();
    await args.respond({ text: `reverted by <@${args.body.user.id}>`, replace_original: true });
  });
  h.app.action("more", async (args: Body) => {
    await args.ack();
    await args.respond({ text: `you chose ${args.action.selected_option.value}` });
  });
  if (chromium) browser = await launchBrowser(chromium);
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await h?.close();
});

async function openPage(options: { width?: number; dark?: boolean } = {}): Promise<Page> {
  const page = await browser.newPage({
    viewport: { width: options.width ?? 1280, height: 800 },
    colorScheme: options.dark ? "dark" : "light",
  });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (line) => {
    if (line.type() === "error") problems.push(line.text());
  });
  await page.goto(`${h.origin}/#${ops}`);
  await page.waitForSelector("#sidebar .room.current", { state: "attached" });
  return page;
}

const card = [
  { type: "header", text: { type: "plain_text", text: "shop hurts" } },
  { type: "section", text: { type: "mrkdwn", text: "🔴 *errors* &lt;9 %&gt; <!channel>" } },
  {
    type: "actions",
    elements: [
      {
        type: "button",
        action_id: "revert",
        style: "danger",
        text: { type: "plain_text", text: "Revert" },
        confirm: {
          title: { type: "plain_text", text: "Revert shop?" },
          text: { type: "mrkdwn", text: "All traffic to *v41*" },
          confirm: { type: "plain_text", text: "Yes, revert" },
          deny: { type: "plain_text", text: "Keep" },
        },
      },
      {
        type: "overflow",
        action_id: "more",
        options: [{ text: { type: "plain_text", text: "Mute" }, value: "mute-it" }],
      },
    ],
  },
];

describe.runIf(chromium)("the page in a real browser", () => {
  it("shows a card as it arrives, asks before a dangerous press, and shows what came of it", async () => {
    const page = await openPage();
    const posted = await h.client.chat.postMessage({ channel: ops, text: "card", blocks: card as never });
    const shown = page.locator(`#messages [data-ts="${posted.ts}"]`);
    await shown.waitFor();
    expect(await shown.textContent()).toContain("<9 %>");
    expect(await shown.locator("strong").textContent()).toBe("errors");
    await shown.getByText("Revert").click();
    await page.getByText("Keep").click();
    await shown.getByText("Revert").click();
    await page.getByText("Yes, revert").click();
    await page.getByText("reverted by").waitFor();
    expect(await shown.textContent()).toContain("(edited)");
    await page.close();
  });

  it("answers a press in the overflow menu to that person alone", async () => {
    const posted = await h.client.chat.postMessage({ channel: ops, text: "card", blocks: card as never });
    const mine = await openPage();
    const other = await openPage();
    await other.selectOption("#actor", lea);
    const shown = mine.locator(`#messages [data-ts="${posted.ts}"]`);
    await shown.getByLabel("More actions").click();
    await mine.getByRole("menuitem", { name: "Mute" }).click();
    await mine.locator(".ephemeral", { hasText: "you chose mute-it" }).waitFor();
    await h.client.chat.postMessage({ channel: ops, text: "after the press" });
    await other.getByText("after the press").first().waitFor();
    expect(await other.getByText("you chose").count()).toBe(0);
    await mine.close();
    await other.close();
  });

  it("fills in the tour's proposal as the right person and sends it with Enter", async () => {
    const page = await openPage();
    await page.click("#tour-try");
    await expect.poll(() => page.inputValue("#composer textarea"), { timeout: 10_000 }).toBe("/ops status");
    expect(await page.inputValue("#actor")).toBe(dan);
    await page.keyboard.press("Enter");
    const answer = page.locator(".ephemeral", { hasText: "shop is well" });
    await answer.waitFor();
    expect(await answer.textContent()).toContain("Only visible to you");
    await page.close();
  });

  it("completes commands, and refuses them in a thread where a mention works", async () => {
    const posted = await h.client.chat.postMessage({ channel: ops, text: "a parent" });
    const page = await openPage();
    await page.locator("#composer textarea").pressSequentially("/ops ro");
    await page.getByRole("option", { name: /rollout start/ }).waitFor();
    await page.keyboard.press("Tab");
    expect(await page.inputValue("#composer textarea")).toBe("/ops rollout start ");
    const parent = page.locator(`#messages [data-ts="${posted.ts}"]`);
    await parent.hover();
    await parent.getByText("Reply in thread").click();
    await page.locator("#thread-composer textarea").fill("/ops status");
    await page.keyboard.press("Enter");
    await page.locator("#thread .ephemeral", { hasText: "not supported in threads" }).waitFor();
    await page.locator("#thread-composer textarea").fill("a plain reply");
    await page.keyboard.press("Enter");
    await page.locator("#thread article", { hasText: "a plain reply" }).waitFor();
    await page.close();
  });

  it("opens a modal, keeps what was typed beside the app's error, and closes when it is right", async () => {
    const page = await openPage();
    await page.fill("#composer textarea", "/ops form");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Request access" }).waitFor();
    await page.click(".modal .primary");
    await page.getByText("Please complete this required field.").waitFor();
    await page.fill(".modal input", "stuck");
    await page.click(".modal .primary");
    await page.getByText("Name a ticket.").waitFor();
    expect(await page.inputValue(".modal input")).toBe("stuck");
    await page.fill(".modal input", "INC-42 stuck");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".modal", { state: "detached" });
    await page.locator("#messages", { hasText: "asked: INC-42 stuck" }).waitFor();
    await page.close();
  });

  it("fits a phone in the dark: no sideways scrolling, channels behind the menu", async () => {
    const page = await openPage({ width: 390, dark: true });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    expect(await page.locator("#sidebar").isVisible()).toBe(false);
    await page.click("#menu");
    await page.locator("#sidebar").getByText("#general").click();
    await page.getByRole("heading", { name: "#general" }).waitFor();
    expect(await page.locator("#sidebar").isVisible()).toBe(false);
    await page.close();
  });

  it("marks what was not read and follows who acts", async () => {
    const page = await openPage();
    await h.client.chat.postMessage({ channel: "C0GENERAL", text: "news" });
    await page.locator("#sidebar .unread", { hasText: "#general" }).waitFor();
    await page.locator("#sidebar").getByText("#general").click();
    await page.waitForSelector("#sidebar .unread", { state: "detached" });
    expect(await page.locator("#sidebar").getByText("#leads").count()).toBe(0);
    await page.selectOption("#actor", lea);
    await page.locator("#sidebar").getByText("#leads").waitFor();
    await page.selectOption("#actor", ada);
    await page.locator("#sidebar").getByText("#leads").waitFor({ state: "detached" });
    await page.close();
  });

  it("leaves no error behind, nor anything its own policy had to block", () => {
    expect(problems).toEqual([]);
  });
});

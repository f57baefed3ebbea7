/** The page: who acts, which channel and thread are open, and everything that follows from the server's state. */
import { plain } from "./blocks.js";
import { Composer } from "./composer.js";
import { h } from "./dom.js";
import { MessageList } from "./messages.js";
import { ModalScreen } from "./modal.js";
import { Tour } from "./tour.js";

const at = (id) => document.getElementById(id);
const list = new MessageList(at("messages"));
const threadList = new MessageList(at("thread-messages"));
const modalScreen = new ModalScreen(at("overlay"));
const tour = new Tour(at("tour"));
let token = "";
let screen;
let open = placeOf(location.hash);
let isAsking = false;
let isStale = false;

const env = {
  user: (id) => screen?.people[id]?.name,
  channel: (id) => screen?.rooms.find((room) => room.id === id)?.name,
  group: (id) => screen?.groups[id],
  people: () =>
    Object.entries(screen?.people ?? {})
      .filter(([, one]) => !one.isBot)
      .map(([id, one]) => ({ id, ...one })),
  rooms: () => (screen?.rooms ?? []).filter((room) => room.kind === "channel"),
};

function placeOf(hash) {
  const [channel = "", thread = ""] = hash.replace(/^#/, "").split("/");
  return { channel, thread };
}

function go(channel, thread = "") {
  const hash = thread ? `#${channel}/${thread}` : `#${channel}`;
  if (location.hash === hash) return void refresh();
  location.hash = hash;
}

async function post(path, body) {
  const send = () =>
    fetch(`/workspace/api/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-csrf-token": token },
      body: JSON.stringify(body),
    });
  try {
    let res = await send();
    if (res.status === 401 || res.status === 403) {
      await signIn();
      res = await send();
    }
    return await res.json();
  } catch {
    return {
      ok: false,
      error: "offline",
      message: "The local workspace does not answer. Is it still running?",
    };
  }
}

async function signIn() {
  const res = await fetch("/workspace/api/session");
  token = (await res.json()).token;
}

/** Asks for the state; news that come while asking lead to one more question, not many. */
async function refresh() {
  if (isAsking) {
    isStale = true;
    return;
  }
  isAsking = true;
  try {
    do {
      isStale = false;
      const query = new URLSearchParams({ channel: open.channel, thread: open.thread });
      const res = await fetch(`/workspace/api/state?${query}`);
      if (res.status === 401) await signIn();
      else if (res.ok) {
        screen = await res.json();
        show();
      }
      isStale ||= res.status === 401;
    } while (isStale);
  } catch {
    at("offline").hidden = false;
  } finally {
    isAsking = false;
  }
}

function show() {
  at("actor").replaceChildren(
    ...screen.actors.map((one) =>
      h("option", { value: one.id, selected: one.id === screen.me }, `${one.realName} · ${one.title}`),
    ),
  );
  showRooms();
  const room = screen.rooms.find((one) => one.id === screen.channel);
  const name = room ? roomName(room) : "";
  at("room-name").textContent = name;
  at("room-topic").textContent = room?.topic ?? "";
  document.title = `${name} · ${screen.team}`;
  composer.placeholder(`Message ${name}, or type / for commands`);
  list.show(screen.messages, `${screen.me} ${screen.channel}`, messageContext(true));
  at("thread").hidden = !screen.thread;
  document.body.classList.toggle("in-thread", Boolean(screen.thread));
  if (screen.thread) {
    threadList.show(
      screen.thread.messages,
      `${screen.me} ${screen.channel} ${screen.thread.ts}`,
      messageContext(false),
    );
    threadComposer.placeholder(`Reply, or @${screen.bot.name} …`);
  }
  modalScreen.show(screen.modal, {
    env,
    submit: submitView,
    close: (id) => deed("view-close", { view_id: id }),
    press: (action) => deed("action", action),
  });
  tour.show({
    steps: screen.tour,
    actorName: (id) => screen.people[id]?.realName ?? id,
    roomName: (id) => screen.rooms.find((one) => one.id === id)?.name ?? id,
    attempt: tryStep,
  });
  if (room?.unread > 0 && document.visibilityState === "visible")
    void post("read", { channel: room.id }).then(refresh);
}

function showRooms() {
  const group = (title, kind) =>
    h(
      "div",
      {},
      h("h2", {}, title),
      screen.rooms
        .filter((room) => room.kind === kind)
        .map((room) =>
          h(
            "a",
            {
              href: `#${room.id}`,
              className: `room${room.id === screen.channel ? " current" : ""}${room.unread > 0 ? " unread" : ""}`,
              "aria-current": room.id === screen.channel ? "page" : undefined,
            },
            h("span", { className: "grow" }, roomName(room)),
            room.unread > 0
              ? h("span", { className: "count", "aria-label": `${room.unread} unread` }, String(room.unread))
              : undefined,
          ),
        ),
    );
  at("sidebar").replaceChildren(group("Channels", "channel"), group("Direct messages", "dm"));
}

function roomName(room) {
  return room.kind === "dm" ? (screen.people[room.name]?.realName ?? room.name) : `#${room.name}`;
}

function messageContext(isChannel) {
  return {
    env,
    person: (id) => screen.people[id] ?? { name: id, realName: id, isBot: false },
    press: (message, action) => deed("action", { channel: screen.channel, ts: message.ts, ...action }),
    openThread: isChannel ? (ts) => go(screen.channel, ts) : undefined,
  };
}

async function deed(path, body) {
  const done = await post(path, body);
  if (!done.ok && done.error !== "incomplete")
    toast(done.error === "operation_timeout" ? `operation_timeout: ${done.message}` : done.message);
  await refresh();
  return done;
}

const submitView = (viewId, values) => deed("view", { view_id: viewId, values });

function toast(text) {
  const node = h(
    "div",
    { className: "toast", role: "alert" },
    h("span", {}, text),
    h(
      "button",
      { type: "button", className: "icon", "aria-label": "Dismiss", onclick: () => node.remove() },
      "×",
    ),
  );
  document.querySelector(".toast")?.remove();
  document.body.append(node);
  setTimeout(() => node.remove(), 8_000);
}

async function actAs(user) {
  const done = await post("act-as", { user });
  if (!done.ok) return toast(done.message);
  token = done.token;
  await refresh();
}

async function tryStep(step) {
  if (step.as && step.as !== screen.me) await actAs(step.as);
  if (step.channel && step.channel !== screen.channel) {
    open = { channel: step.channel, thread: "" };
    go(step.channel);
    await refresh();
  }
  if (step.try) composer.fill(step.try);
  if (matchMedia("(max-width: 900px)").matches) toggle("tour-open", false);
}

const said = (done) => done.ok || (done.error !== "offline" && done.error !== "no_text");
const composer = new Composer(at("composer"), "Message", async (text) =>
  said(await deed("send", { channel: screen.channel, text })),
);
const threadComposer = new Composer(at("thread-composer"), "Reply", async (text) =>
  said(await deed("send", { channel: screen.channel, text, thread_ts: screen.thread?.ts })),
);
const know = () => ({
  commands: screen?.commands ?? [],
  completions: screen?.completions ?? [],
  bot: screen?.bot.name ?? "",
  people: [...env.people(), { name: screen?.bot.name ?? "", realName: plain(screen?.bot.name ?? "") }],
});
composer.know(know);
threadComposer.know(know);

function toggle(name, isOn) {
  const on = document.body.classList.toggle(name, isOn);
  at("menu").setAttribute("aria-expanded", String(document.body.classList.contains("menu-open")));
  at("tour-toggle").setAttribute("aria-expanded", String(document.body.classList.contains("tour-open")));
  return on;
}

at("actor").addEventListener("change", (event) => void actAs(event.target.value));
at("menu").addEventListener("click", () => toggle("menu-open"));
at("tour-toggle").addEventListener("click", () => toggle("tour-open"));
at("thread-close").addEventListener("click", () => go(screen.channel));
at("sidebar").addEventListener("click", () => toggle("menu-open", false));
addEventListener("hashchange", () => {
  open = placeOf(location.hash);
  void refresh();
});
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void refresh());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && screen?.thread && !screen.modal) go(screen.channel);
});

function listen() {
  const news = new EventSource("/workspace/api/events");
  news.onmessage = () => {
    at("offline").hidden = true;
    void refresh();
  };
  news.onerror = () => {
    at("offline").hidden = false;
    if (news.readyState === EventSource.CLOSED) setTimeout(listen, 2_000);
  };
}

if (matchMedia("(min-width: 901px)").matches) toggle("tour-open", true);
await signIn();
await refresh();
listen();

"use strict";
(() => {
  const fleet = document.getElementById("fleet");
  const live = document.getElementById("live");
  const toast = document.getElementById("toast");
  let held = false;
  let waiting = null;
  let hide = 0;

  const ago = (seconds) => {
    if (seconds < 2) return "just now";
    if (seconds < 60) return `${seconds} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} d ago`;
  };

  // The server's clock counts, not this machine's: what differs is found once a message.
  let skew = 0;
  const times = () => {
    const now = Date.now() + skew;
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const at = Date.parse(time.dateTime);
      time.textContent = ago(Math.max(0, Math.floor((now - at) / 1000)));
      time.title = new Date(at).toLocaleString();
    }
    for (const time of document.querySelectorAll("time[data-clock]")) {
      const at = new Date(time.dateTime);
      const isToday = at.toDateString() === new Date(now).toDateString();
      time.textContent = isToday ? at.toLocaleTimeString() : at.toLocaleDateString();
      time.title = at.toLocaleString();
    }
  };

  // Never under a finger: what comes while a button is held down is shown after it.
  const show = (html) => {
    if (held) { waiting = html; return; }
    const focused = document.activeElement && document.activeElement.closest("form[data-act]");
    const action = focused ? focused.getAttribute("action") : null;
    fleet.innerHTML = html;
    if (action) {
      const again = fleet.querySelector(`form[action="${CSS.escape(action)}"] button`);
      if (again) again.focus();
    }
    const title = fleet.querySelector("[data-title]");
    if (title) document.title = title.dataset.title;
    times();
  };
  const release = () => {
    held = false;
    if (waiting !== null) { const html = waiting; waiting = null; show(html); }
  };
  addEventListener("pointerdown", (event) => { held = event.target.closest("button") !== null; });
  addEventListener("pointerup", () => setTimeout(release, 0));
  addEventListener("pointercancel", release);

  const say = (text) => {
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(hide);
    hide = setTimeout(() => { toast.hidden = true; }, 6000);
  };

  addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-act]");
    if (!form) return;
    event.preventDefault();
    form.querySelector("button").disabled = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" },
      });
      const body = await answer.json();
      say(answer.ok ? "Restart queued" : body.detail);
      if (answer.status === 401) location.reload();
    } catch {
      say("The server cannot be reached");
    }
    const button = form.querySelector("button");
    if (button) button.disabled = false;
  });

  const state = (word, text) => {
    live.hidden = false;
    live.dataset.state = word;
    live.lastElementChild.textContent = text;
  };
  const connect = () => {
    const source = new EventSource(fleet.dataset.live);
    source.addEventListener("open", () => state("on", "live"));
    source.addEventListener("clock", (event) => { skew = Date.parse(event.data) - Date.now(); });
    source.addEventListener("fleet", (event) => show(event.data));
    source.addEventListener("error", () => {
      state("lost", "reconnecting");
      // A refusal (signed out, server new) closes it for good; look again in a while.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
    });
  };
  if (fleet) { times(); setInterval(times, 1000); connect(); }
})();

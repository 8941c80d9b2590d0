// Videos, and the dialogue that shows an episode with them.

// run.base is the run directory as seen from this page; run.episodes.video says what there is for a row: 0 nothing, 1 a file
// that has the episode's name or the one in video_names, a text the element that holds the file itself.
function videoSource(run, row) {
  const { video, video_names: names } = run.episodes;
  if (video[row] === 0) return null;
  if (video[row] !== 1) return `data:video/mp4;base64,${document.getElementById(video[row]).textContent}`;
  const name = names[row] || `${run.key(row).replaceAll("/", "__")}.mp4`;
  return `${run.base}videos/${encodeURIComponent(name)}`;
}

function player(source, label) {
  if (source === null) return h("p", { class: "no-video" }, "No video of this episode.");
  const missing = h(
    "p",
    { class: "no-video", hidden: true },
    "The video cannot be read. Is the run directory where it was beside this page?",
  );
  const video = h("video", {
    controls: true,
    playsinline: true,
    preload: "metadata",
    "aria-label": label,
    src: source,
    onerror: () => {
      missing.hidden = false;
    },
  });
  video.muted = true;
  return h("div", { class: "player" }, video, missing);
}

// Plays several videos together, from their beginnings.
function togetherButton(players) {
  const videos = () => players.flatMap((one) => [...one.querySelectorAll("video")]);
  const begin = () =>
    videos().forEach((video) => {
      video.currentTime = 0;
      video.play();
    });
  return h("button", { type: "button", onclick: begin }, `Play ${players.length > 2 ? "all" : "both"} from the start`);
}

function speedChoice(players) {
  const change = (event) =>
    players
      .flatMap((one) => [...one.querySelectorAll("video")])
      .forEach((video) => {
        video.playbackRate = Number(event.target.value);
      });
  const speeds = [0.25, 0.5, 1, 2, 4].map((speed) => h("option", { value: speed, selected: speed === 1 }, `${speed} ×`));
  return h("label", { class: "inline" }, "Speed ", h("select", { onchange: change }, speeds));
}

const dialogue = { element: null };

// A modal dialogue: the browser keeps the focus in it, Escape closes it, and the focus returns to where it was.
function showDialogue(title, ...content) {
  if (!dialogue.element) {
    dialogue.element = h("dialog", { "aria-labelledby": "dialogue-title", onclose: stopVideos });
    document.body.append(dialogue.element);
  }
  const close = h("button", { type: "button", class: "close", onclick: () => dialogue.element.close() }, "Close");
  dialogue.element.replaceChildren(
    h("div", { class: "title" }, h("h2", { id: "dialogue-title" }, title), close),
    ...content.flat(),
  );
  dialogue.element.showModal();
}

function stopVideos() {
  for (const video of dialogue.element.querySelectorAll("video")) {
    video.pause();
    video.removeAttribute("src");
    video.load();
  }
  dialogue.element.replaceChildren();
}

function factList(facts) {
  return h(
    "dl",
    null,
    facts
      .filter(([, value]) => known(value) && value !== "")
      .map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))),
  );
}

function episodeFacts(run, row) {
  const { steps, attempt, wall_s: wall, policy_s: policy, physics_s: physics, render_s: render, scene } = run.episodes;
  const failed = run.errorOf(row);
  return factList([
    ["Outcome", outcomeMark(run.episodes.outcome[row])],
    ["Steps", count(steps[row])],
    ["Attempt", attempt[row]],
    ["Error", failed],
    [
      "Time",
      `${seconds(wall[row])}: policy ${seconds(policy[row])}, physics ${seconds(physics[row])}, pictures ${seconds(render[row])}`,
    ],
    ["Scene", scene[row] && h("code", null, scene[row])],
  ]);
}

function showEpisode(run, row) {
  const task = run.task(row);
  const shown = player(videoSource(run, row), `Video of ${run.key(row)}`);
  showDialogue(
    run.key(row),
    h("p", { class: "instruction" }, `“${task.instruction}”`),
    shown,
    shown.querySelector("video") && speedChoice([shown]),
    episodeFacts(run, row),
  );
}

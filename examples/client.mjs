// Ask the service about a picture; Node 18 or newer, nothing to install. A browser needs the same lines.
//   efficientdet serve --model_dir OUT/model --port 8080
//   node client.mjs cat.jpg [http://127.0.0.1:8080]
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

const [picture, service = "http://127.0.0.1:8080"] = process.argv.slice(2);
const form = new FormData();
form.append("images", new Blob([await readFile(picture)]), basename(picture));
form.append("score_threshold", "0.4");

const reply = await fetch(service, { method: "POST", body: form });
const found = await reply.json();
if (!reply.ok) {
  console.error(`${reply.status}: ${found.reason}`);
  process.exit(1);
}
found.detection_classes.forEach((name, i) => {
  const [ymin, xmin, ymax, xmax] = found.detection_boxes[i].map(Math.round);
  console.log(`${name} ${found.detection_scores[i].toFixed(2)} (${xmin}, ${ymin}) to (${xmax}, ${ymax})`);
});

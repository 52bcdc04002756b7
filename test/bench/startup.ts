// Measures the start-up time of feedctl beside that of Node. Run it on an idle machine: `npm run bench`.
import { spawnSync } from "node:child_process";
import { binary, sandbox } from "../support/feedctl.ts";

const ROUNDS = 15;

await using place = await sandbox();
const created = await place.feedctl(["feed", "create", "bench", "--type", "npm"]);
if (created.code !== 0) throw new Error(created.stderr);

const subjects = [
  { name: "node -e 0", args: ["-e", "0"] },
  { name: "feedctl --version", args: [binary, "--version"] },
  { name: "feedctl --help", args: [binary, "--help"] },
  { name: "feedctl feed list (embedded catalog)", args: [binary, "feed", "list"] },
  { name: "feedctl verify (disk store)", args: [binary, "verify", "bench"] },
].map((subject) => ({ ...subject, times: [] as number[] }));

const options = {
  cwd: place.directory,
  env: { PATH: process.env["PATH"], HOME: place.directory, FEEDCTL_DATA_DIR: place.data },
};
// in turns, so that noise of other jobs hits all alike; the first round fills the caches
for (let round = 0; round <= ROUNDS; round++) {
  for (const { name, args, times } of subjects) {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, options);
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${String(stderr)}`);
    if (round > 0) times.push(performance.now() - start);
  }
}

const medians = subjects.map(({ times }) => times.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN);
const [bare = Number.NaN] = medians;
console.log(`start-up, median of ${ROUNDS}, Node ${process.version}`);
subjects.forEach(({ name }, index) => {
  const median = medians[index] ?? Number.NaN;
  console.log(
    `${name.padEnd(40)} ${median.toFixed(0).padStart(6)} ms ${(median / bare).toFixed(2).padStart(6)} x node`,
  );
});

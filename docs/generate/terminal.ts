const COLUMNS = 112;
/** Of a line of text; a prompt needs two columns more. */
const WIDEST = COLUMNS - 2;
const CHARACTER = { width: 7.8, height: 19 };
const MARGIN = 16;
const BAR = 32;

/** The lines of a terminal session as a picture: the `$ ` lines are the commands. */
export function terminalPicture(title: string, lines: readonly string[]): string {
  const shown = lines.flatMap(rowsOf);
  const width = Math.ceil(COLUMNS * CHARACTER.width + 2 * MARGIN);
  const height = BAR + shown.length * CHARACTER.height + MARGIN;
  const rows = shown.map((line, index) => drawRow(line, BAR + (index + 0.8) * CHARACTER.height));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escape(title)}</title>
<style>
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d4d8de; white-space: pre }
.prompt { fill: #7fb685 }
.command { fill: #ffffff; font-weight: 600 }
</style>
<rect width="100%" height="100%" rx="8" fill="#1e2329"/>
<circle cx="20" cy="16" r="5" fill="#e06c75"/><circle cx="38" cy="16" r="5" fill="#e5c07b"/><circle cx="56" cy="16" r="5" fill="#98c379"/>
${rows.join("\n")}
</svg>
`;
}

/** What one row of the terminal shows. */
interface Row {
  readonly text: string;
  readonly prompt: boolean;
  readonly command: boolean;
}

function drawRow({ text, prompt, command }: Row, y: number): string {
  const place = `x="${MARGIN}" y="${y.toFixed(1)}"`;
  const words = command ? `<tspan class="command">${escape(text)}</tspan>` : escape(text);
  return `<text ${place} xml:space="preserve">${prompt ? '<tspan class="prompt">$ </tspan>' : ""}${words}</text>`;
}

/** Long lines are broken between words. A command goes on in the next line after a backslash. */
function rowsOf(line: string, index: number, all: readonly string[]): Row[] {
  const continues = (all[index - 1] ?? "").endsWith("\\");
  const prompt = !continues && line.startsWith("$ ");
  const pieces = (prompt ? line.slice(2) : line).match(new RegExp(`.{1,${WIDEST}}(?:\\s|$)|.{${WIDEST}}`, "gu")) ?? [
    "",
  ];
  return pieces.map((text, at) => ({ text, prompt: prompt && at === 0, command: prompt || continues }));
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// Numbers, sizes and times as people read them.

const SIZES = ["B", "KB", "MB", "GB", "TB"];

/**
 * @param {number} bytes a size.
 * @returns {string} it in the largest fitting unit of 1000.
 */
export function size(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < SIZES.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toPrecision(2)} ${SIZES[unit]}`;
}

/**
 * @param {number} seconds a time span.
 * @returns {string} it in one or two units, such as "2 min 5 s".
 */
export function duration(seconds) {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/**
 * @param {number} value a count or a rate.
 * @returns {string} it with its thousands apart; with one digit after the point below 10.
 */
export function number(value) {
  const digits = Number.isInteger(value) || Math.abs(value) >= 10 ? 0 : 1;
  return value.toLocaleString("en", { maximumFractionDigits: digits }).replaceAll(",", "\u202f");
}

/**
 * @param {number} share 0 to 1.
 * @returns {string} it in whole per cent; 100 % only when nothing is left.
 */
export const percent = (share) => `${share >= 1 ? 100 : Math.min(99, Math.floor(share * 100))} %`;

/**
 * @param {number} count how many.
 * @param {string} word one of what is counted, such as "frame".
 * @returns {string} both, with the word in its right number.
 */
export function counted(count, word) {
  return `${number(count)} ${count === 1 ? word : plural(word)}`;
}

/**
 * @param {string} unit one of what is counted, such as "frame".
 * @returns {string} several of it.
 */
export const plural = (unit) => (unit.endsWith("s") ? unit : `${unit}s`);

/**
 * @param {number} unixSeconds a time.
 * @returns {string} its time of day, with the date where it is not of today.
 */
export function when(unixSeconds) {
  const at = new Date(unixSeconds * 1000);
  const isToday = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return isToday ? time : `${at.toLocaleDateString([], { day: "numeric", month: "short", year: "numeric" })}, ${time}`;
}

/**
 * @param {Array<{name: string, parameters?: Object}>} chain filters, in order.
 * @returns {string} it as it is typed, such as "blur:radius=9, edges".
 */
export function chainText(chain) {
  const step = ({ name, parameters }) => {
    const said = Object.entries(parameters ?? {}).map(([key, value]) => `${key}=${value}`);
    return said.length ? `${name}:${said.join(":")}` : name;
  };
  return chain.map(step).join(", ");
}

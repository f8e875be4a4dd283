// The session with the server: the token after the # is exchanged once, and forgotten by the address bar.

const HEADERS = { "Content-Type": "application/json", "X-Snarc": "1" };
const KEPT = "snarc-session";
let session = "";

export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

async function post(address, asked, headers) {
  let answer;
  try {
    answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(asked), cache: "no-store" });
  } catch {
    throw new Refused(0, "snarc no longer answers. Start snarc try again in the terminal.");
  }
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, found.error || `The server answered ${answer.status}.`);
  return found;
}

export async function begin() {
  const token = location.hash.slice(1);
  if (token) {
    history.replaceState(null, "", location.pathname);
    session = (await post("/session", { token }, HEADERS)).session;
    sessionStorage.setItem(KEPT, session);
  } else {
    session = sessionStorage.getItem(KEPT) || "";
  }
}

export function ask(address, asked = {}) {
  return post(address, asked, { ...HEADERS, "X-Snarc-Session": session });
}

// Asks with what is newest, one question at a time: what came in between is never asked.
// `rests` is called when there is nothing left to ask.
export function latest(address, shown, failed, rests) {
  let next = null;
  let busy = false;
  async function go() {
    busy = true;
    while (next !== null) {
      const asked = next;
      next = null;
      try {
        const found = await ask(address, asked);
        shown(found);
      } catch (error) {
        if (error.status === 429 || error.status === 503) {
          await new Promise((done) => setTimeout(done, 300));
          if (next === null) next = asked;
        } else {
          failed(error);
        }
      }
    }
    busy = false;
    rests();
  }
  const question = (asked) => {
    next = asked;
    if (!busy) go();
  };
  question.busy = () => busy;
  return question;
}

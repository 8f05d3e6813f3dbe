// Passkeys: asks the server what to ask of the device, asks the device, and
// sends its answer as a form. A place says with data-passkey what to do (get or
// create), with data-begin and data-finish where to, and has a button and a status.

const supported = "parseRequestOptionsFromJSON" in (globalThis.PublicKeyCredential ?? {});
let open; // the request to the device that waits, of whichever place

class Place {
  constructor(element) {
    this.data = element.dataset;
    this.button = element.querySelector("button, a");
    this.status = element.querySelector("[role=status]");
  }

  say(what) {
    this.status.textContent = this.status.dataset[what] ?? "";
    this.status.className = what === "waiting" ? "hint" : "problem";
  }

  // hidden are the fields that both forms have.
  get hidden() {
    const { token, flow, p } = this.data;
    return p ? { token, flow, p } : { token, flow };
  }

  // ask returns the answer of the device. Only one place may wait at a time.
  async ask(mediation) {
    open?.abort();
    open = new AbortController();
    const { signal } = open;
    const begun = await fetch(this.data.begin, { method: "POST", body: new URLSearchParams(this.hidden), signal });
    if (begun.redirected) { // one more proof is asked for first
      location.assign(begun.url);
      return new Promise(() => {});
    }
    if (!begun.ok) throw new Error(`begin: ${begun.status}`);
    const { id, options } = await begun.json();
    const credential = this.data.passkey === "create"
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey), signal })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey), mediation, signal });
    return { id, response: JSON.stringify(credential) };
  }

  send(answer) {
    const form = document.createElement("form");
    form.method = "post";
    form.action = this.data.finish;
    for (const [name, value] of Object.entries({ ...this.hidden, ...answer })) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      form.append(field);
    }
    document.body.append(form);
    form.submit();
  }

  async press() {
    if (this.busy) return;
    this.busy = true;
    this.button.setAttribute("aria-disabled", "true");
    this.say("waiting");
    try {
      this.send(await this.ask());
    } catch (error) {
      this.say(error.name === "InvalidStateError" && this.data.passkey === "create" ? "exists" : "failed");
      this.button.removeAttribute("aria-disabled");
      this.busy = false;
      this.autofill();
    }
  }

  // autofill lets the browser offer passkeys in the field of the ID. What the
  // server asked is good for five minutes, so that it is asked again before.
  async autofill() {
    if (!("autofill" in this.data) || !await PublicKeyCredential.isConditionalMediationAvailable?.()) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { if (!this.busy) this.autofill(); }, 4 * 60_000);
    try {
      const answer = await this.ask("conditional");
      this.busy = true;
      this.say("waiting");
      this.send(answer);
    } catch {
      // the button was pressed, or the person chose otherwise
    }
  }
}

for (const element of document.querySelectorAll("[data-passkey]")) {
  const place = new Place(element);
  if (!supported) {
    if (place.button.hidden) place.say("unsupported");
    continue;
  }
  element.hidden = place.button.hidden = false;
  place.button.addEventListener("click", (event) => {
    event.preventDefault();
    place.press();
  });
  place.autofill();
}

addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // what was asked is spent
});

package keyring

// Purpose is what a key is for. Each has keys of its own, unrelated to those of
// the others (CRY-1), so that no value of one purpose passes for one of another.
// The words are part of the derivation and must never change.
type Purpose string

// The purposes.
const (
	Pepper      Purpose = "pepper"       // HMAC over a password before it is hashed (PW-1)
	Pending     Purpose = "pending"      // a service's request while the person signs in, sealed in the browser
	FlowForm    Purpose = "flow form"    // tokens that bind a form to flow, step and browser (WEB-2, SES-5)
	TOTP        Purpose = "totp"         // secrets of TOTP authenticators (TOTP-2)
	Outbox      Purpose = "outbox"       // mails that wait to be sent
	Audit       Purpose = "audit"        // HMACs over audit rows and blocks (AUD-1)
	SigningKeys Purpose = "signing"      // private signing keys in the store (SAML-10)
	OTP         Purpose = "otp"          // digests of mailed OTPs, recovery and activation codes (MAIL-4, REC-1)
	Cookie      Purpose = "cookie"       // what is sealed in cookies
	AccountID   Purpose = "account id"   // names of unknown IDs in counters (THR-2)
	AccessToken Purpose = "access token" // opaque tokens of OIDC
	Pairwise    Purpose = "pairwise"     // pairwise subject identifiers (OIDC-9)
	Passkey     Purpose = "passkey"      // user handles of passkeys
)

package store

import (
	"context"
	"fmt"

	"warifu/internal/authenticator/password"
	"warifu/internal/authenticator/totp"
	"warifu/internal/keyring"
)

var (
	_ totp.ResealTx     = (*Tx)(nil)
	_ keyring.UseReader = (*Tx)(nil)
)

// TOTPNotUnder implements [totp.ResealTx].
func (tx *Tx) TOTPNotUnder(ctx context.Context, version int, behind totp.Authenticator, most int) (all []totp.Authenticator, err error) {
	err = tx.query(ctx, func(r row) error {
		var a totp.Authenticator
		err := r.Scan(&a.SubscriberID, &a.ID, &a.Secret, &a.State)
		all = append(all, a)
		return err
	}, `SELECT subscriber_id, id, secret, state FROM totp_authenticator
	     WHERE (subscriber_id, id) > ($1, $2) AND substr(secret, 1, 1) <> $3
	     ORDER BY subscriber_id, id LIMIT $4`, behind.SubscriberID, behind.ID, versionByte(version), most)
	if err != nil {
		return nil, fmt.Errorf("store: TOTP secrets of older keys: %w", err)
	}
	return all, nil
}

// ReplaceTOTPSecret implements [totp.ResealTx].
func (tx *Tx) ReplaceTOTPSecret(ctx context.Context, a totp.Authenticator, sealed []byte) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE totp_authenticator SET secret = $4 WHERE subscriber_id = $1 AND id = $2 AND secret = $3`,
		a.SubscriberID, a.ID, a.Secret, sealed)
	if err != nil {
		return false, fmt.Errorf("store: replace TOTP secret: %w", err)
	}
	return n == 1, nil
}

// ReplaceSigningKey implements [keyring.SigningTx].
func (tx *Tx) ReplaceSigningKey(ctx context.Context, kid string, old, sealed []byte) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE signing_key SET private = $3 WHERE kid = $1 AND private = $2`, kid, old, sealed)
	if err != nil {
		return false, fmt.Errorf("store: replace signing key: %w", err)
	}
	return n == 1, nil
}

// versioned are the columns whose first byte is the version of the key that
// sealed or authenticated them, with their names for people.
var versioned = []struct{ column, name, count string }{
	{"totp_authenticator.secret", "secrets of Authenticators", `SELECT substr(secret, 1, 1), COUNT(*) FROM totp_authenticator GROUP BY 1`},
	{"signing_key.private", "signing keys", `SELECT substr(private, 1, 1), COUNT(*) FROM signing_key GROUP BY 1`},
	{"mail_outbox.sealed", "queued mails", `SELECT substr(sealed, 1, 1), COUNT(*) FROM mail_outbox WHERE state = 'queued' GROUP BY 1`},
	{"signin_flow.token", "sign-ins under way", `SELECT substr(token, 1, 1), COUNT(*) FROM signin_flow WHERE length(token) > 0 GROUP BY 1`},
	{"activation_code.digest", "activation codes", `SELECT substr(digest, 1, 1), COUNT(*) FROM activation_code GROUP BY 1`},
	{"recovery_code.digest", "recovery codes", `SELECT substr(digest, 1, 1), COUNT(*) FROM recovery_code GROUP BY 1`},
	{"mail_otp.digest", "mailed one-time passwords", `SELECT substr(digest, 1, 1), COUNT(*) FROM mail_otp GROUP BY 1`},
	{"pending_address.digest", "addresses to be confirmed", `SELECT substr(digest, 1, 1), COUNT(*) FROM pending_address GROUP BY 1`},
	{"audit_event.mac", "events of the audit trail", `SELECT substr(mac, 1, 1), COUNT(*) FROM audit_event GROUP BY 1`},
	{"audit_block.mac", "blocks of the audit trail", `SELECT substr(mac, 1, 1), COUNT(*) FROM audit_block GROUP BY 1`},
}

// KeyUse implements [keyring.UseReader].
func (tx *Tx) KeyUse(ctx context.Context, versions []int) (all []keyring.Use, err error) {
	for _, v := range versioned {
		err := tx.query(ctx, func(r row) error {
			var version []byte
			use := keyring.Use{Of: v.name}
			if err := r.Scan(&version, &use.Rows); err != nil {
				return err
			}
			if len(version) == 1 {
				use.Version = int(version[0])
			}
			all = append(all, use)
			return nil
		}, v.count)
		if err != nil {
			return nil, fmt.Errorf("store: use of keys in %s: %w", v.column, err)
		}
	}
	for _, version := range versions {
		use := keyring.Use{Of: "passwords", Version: version}
		err := tx.queryRow(ctx, `SELECT COUNT(*) FROM password WHERE hash LIKE $1`, password.UnderPepper(version)).Scan(&use.Rows)
		if err != nil {
			return nil, fmt.Errorf("store: use of keys in password.hash: %w", err)
		}
		if use.Rows > 0 {
			all = append(all, use)
		}
	}
	return all, nil
}

func versionByte(version int) []byte { return []byte{byte(version)} } //nolint:gosec // G115: secret.MaxVersion fits

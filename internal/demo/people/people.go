// Package people makes up the persons of the demonstration.
package people

import (
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // G505: of the demonstration's made-up TOTP secrets (decisions.md §2.1)
	"encoding/base32"
	"fmt"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
)

// Password is that of all accounts.
const Password = "warifu-demo-2026" //nolint:gosec // G101: printed for everybody to use

// Account is one person of the demonstration, with what opens the account.
type Account struct {
	directory.Subscriber
	TOTP    string // secret in base32; none if empty
	Address string // confirmed notification address; none if empty
}

const staffTOTP = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

// Accounts are the accounts that the demonstration prints.
func Accounts() []Account {
	return []Account{
		account("sps00001", "Miyako", "Hanako", "都", "花子", "ミヤコ", "ハナコ", "student", directory.RoleSubscriber).
			with("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "hanako@example.com"),
		account("sps00002", "Kamo", "Taro", "賀茂", "太郎", "カモ", "タロウ", "student", directory.RoleSubscriber).
			with("KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU", ""),
		account("sps00003", "Katsura", "Midori", "桂", "みどり", "カツラ", "ミドリ", "faculty", directory.RoleSubscriber),
		suspended(account("sps00004", "Uji", "Jiro", "宇治", "次郎", "ウジ", "ジロウ", "student", directory.RoleSubscriber)),
		account("agent01", "Sato", "Keiko", "佐藤", "恵子", "サトウ", "ケイコ", "staff", directory.RoleAgent).with(staffTOTP, ""),
		account("agent02", "Suzuki", "Ken", "鈴木", "健", "スズキ", "ケン", "staff", directory.RoleAgent).with(staffTOTP, ""),
		account("admin01", "Tanaka", "Yoko", "田中", "洋子", "タナカ", "ヨウコ", "staff", directory.RoleAdministrator).with(staffTOTP, ""),
	}
}

func account(id, family, given, familyJA, givenJA, familyKana, givenKana, affiliation string, role directory.Role) Account {
	return Account{Subscriber: directory.Subscriber{
		SPSID: id, Display: given + " " + family,
		Latin: directory.Name{Family: family, Given: given}, Japanese: directory.Name{Family: familyJA, Given: givenJA},
		Kana: directory.Name{Family: familyKana, Given: givenKana}, Affiliation: affiliation,
		Department: directory.Department{English: "Faculty of Letters", Japanese: "文学部"},
		Groups:     []string{affiliation}, Status: directory.Active, Role: role, Mailbox: id + "@miyako.example",
	}}
}

func (a Account) with(secret, address string) Account {
	a.TOTP, a.Address = secret, address
	return a
}

func suspended(a Account) Account {
	a.Status = directory.Suspended
	return a
}

// Tx is what storing a person needs.
type Tx interface {
	CreateSubscriber(ctx context.Context, s directory.Subscriber) error
	SetPassword(ctx context.Context, subscriberID, hash string, now time.Time) error
	CreateTOTP(ctx context.Context, a totp.Authenticator) error
	CreateNotificationAddress(ctx context.Context, subscriberID, address string, now time.Time) error
}

// Maker stores persons. Hash is that of [Password], the same for all.
type Maker struct {
	InTx func(ctx context.Context, fn func(Tx) error) error
	TOTP *totp.Verifier
	Hash string
	Now  time.Time
}

// batch is how many persons one transaction stores.
const batch = 1000

// Make stores the printed accounts and n more: seed0000001 and so on.
func (m Maker) Make(ctx context.Context, n int) error {
	all := Accounts()
	if err := m.InTx(ctx, func(tx Tx) error { return m.store(ctx, tx, all) }); err != nil {
		return err
	}
	for first := 1; first <= n; first += batch {
		var some []Account
		for i := first; i < first+batch && i <= n; i++ {
			some = append(some, seed(i))
		}
		if err := m.InTx(ctx, func(tx Tx) error { return m.store(ctx, tx, some) }); err != nil {
			return err
		}
	}
	return nil
}

func seed(i int) Account {
	id := fmt.Sprintf("seed%07d", i)
	sum := sha1.Sum([]byte("warifu-demo:" + id)) //nolint:gosec // G401: whoever likes may compute it
	return account(id, "Seed", fmt.Sprint(i), "種", fmt.Sprint(i), "タネ", fmt.Sprint(i), "student", directory.RoleSubscriber).
		with(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]), id+"@example.com")
}

func (m Maker) store(ctx context.Context, tx Tx, accounts []Account) error {
	for _, a := range accounts {
		s := a.Subscriber
		s.ID, s.PublicID, s.CreatedAt, s.UpdatedAt = rand.Text(), rand.Text(), m.Now, m.Now
		if err := tx.CreateSubscriber(ctx, s); err != nil {
			return err
		}
		if err := tx.SetPassword(ctx, s.ID, m.Hash, m.Now); err != nil {
			return err
		}
		if err := m.bind(ctx, tx, s.ID, a); err != nil {
			return err
		}
	}
	return nil
}

func (m Maker) bind(ctx context.Context, tx Tx, subscriberID string, a Account) error {
	if a.TOTP != "" {
		secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(a.TOTP)
		if err != nil {
			return fmt.Errorf("people: %w", err)
		}
		id := rand.Text()
		err = tx.CreateTOTP(ctx, totp.Authenticator{SubscriberID: subscriberID, ID: id, Name: "Authenticator 1",
			Secret: m.TOTP.Seal(subscriberID, id, secret), State: totp.Active, CreatedAt: m.Now, BoundBy: authenticator.ByWindow})
		if err != nil {
			return err
		}
	}
	if a.Address == "" {
		return nil
	}
	return tx.CreateNotificationAddress(ctx, subscriberID, a.Address, m.Now)
}

package notice

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"warifu/internal/mail"
)

// Kind is what is told.
type Kind string

// The kinds.
const (
	TOTPAdded      Kind = "totp_added"
	TOTPRemoved    Kind = "totp_removed"
	InitAsked      Kind = "init_asked"
	InitWrongID    Kind = "init_wrong_id"
	Initialized    Kind = "initialized"
	TOTPPaused     Kind = "totp_paused"
	CodeKnownOnly  Kind = "code_known_only"
	CodeReused     Kind = "code_reused"
	Stopped        Kind = "stopped"
	NewDevice      Kind = "new_device"
	Temporary      Kind = "temporary"
	Trusted        Kind = "trusted"
	CodesMade      Kind = "codes_made"
	CodeUsed       Kind = "code_used"
	PasskeyAdded   Kind = "passkey_added"
	PasskeyRemoved Kind = "passkey_removed"
	PasskeyRefused Kind = "passkey_refused"
	AddressAdded   Kind = "address_added"
	AddressRemoved Kind = "address_removed"
	Password       Kind = "password"
	CaseOpened     Kind = "case_opened"
	CaseApproved   Kind = "case_approved"
	CaseClosed     Kind = "case_closed"
	LookedUp       Kind = "looked_up"
	Suspended      Kind = "suspended"
	Resumed        Kind = "resumed"
	Reported       Kind = "reported"
)

// How a person had the TOTP initialized.
var (
	HowLink = mail.Text{Japanese: "メールの URL", English: "URL by email"}
	HowCode = mail.Text{Japanese: "利用開始コード", English: "activation code"}
)

// HowDesk says that the help desk did it, in the case with a number.
func HowDesk(no int64) mail.Text {
	return mail.Text{Japanese: fmt.Sprintf("ヘルプデスク（受付 %d）", no), English: fmt.Sprintf("help desk (request %d)", no)}
}

// Why a case at the help desk was closed.
var (
	ClosedIdentity  = mail.Text{Japanese: "本人確認ができなかったため", English: "identity not confirmed"}
	ClosedExpired   = mail.Text{Japanese: "期限切れ", English: "expired"}
	ClosedCancelled = mail.Text{Japanese: "取り消し", English: "cancelled"}
	ClosedOtherwise = mail.Text{Japanese: "別の方法で解決したため", English: "solved in another way"}
)

// words are how a kind is told.
type words struct {
	Subject mail.Text
	What    mail.Text
	More    mail.Text // one more line, or nothing
}

var kinds = map[Kind]words{
	TOTPAdded: {
		Subject: mail.Text{Japanese: "TOTP の設定が完了しました", English: "TOTP setup is complete"},
		What:    mail.Text{Japanese: "Authenticator「{name}」が登録されました。", English: "The Authenticator “{name}” was registered."},
	},
	TOTPRemoved: {
		Subject: mail.Text{Japanese: "Authenticator を削除しました", English: "Authenticator removed"},
		What:    mail.Text{Japanese: "Authenticator「{name}」が削除されました。", English: "The Authenticator “{name}” was removed."},
	},
	InitAsked: {
		Subject: mail.Text{Japanese: "TOTP 初期化の申し込み", English: "TOTP initialization requested"},
		What:    mail.Text{Japanese: "ワンタイムパスワード（TOTP）の初期化が申し込まれました。", English: "The initialization of your one-time password (TOTP) was requested."},
		More:    mail.Text{Japanese: "まだ何も変わっていません。", English: "Nothing has changed yet."},
	},
	InitWrongID: {
		Subject: mail.Text{Japanese: "初期化の URL の確認", English: "Initialization URL tried"},
		What:    mail.Text{Japanese: "初期化の URL に、別の {id_label} が入力されました。", English: "Another {id_label} was entered at your initialization URL."},
		More:    mail.Text{Japanese: "URL は人に渡さないでください。", English: "Do not give the URL to anyone."},
	},
	Initialized: {
		Subject: mail.Text{Japanese: "TOTP を初期化しました", English: "TOTP initialized"},
		What:    mail.Text{Japanese: "ワンタイムパスワード認証の設定を初期化しました。", English: "The one-time password settings have been initialized."},
		More:    mail.Text{Japanese: "方法: {how}", English: "How: {how}"},
	},
	TOTPPaused: {
		Subject: mail.Text{Japanese: "TOTP を停止しました", English: "TOTP stopped"},
		What:    mail.Text{Japanese: "数字の誤りが続いたため、ワンタイムパスワード（TOTP）を停止しました。", English: "After many wrong numbers, your one-time password (TOTP) was stopped."},
		More:    mail.Text{Japanese: "正しいパスワードを使った人がいます。パスワードを変更してください。", English: "Somebody used your correct password. Change it."},
	},
	CodeKnownOnly: {
		Subject: mail.Text{Japanese: "TOTP の利用を制限しました", English: "TOTP limited"},
		What:    mail.Text{Japanese: "数字の誤りが続いたため、使ったことのあるブラウザだけで確認できるようにしました。", English: "After many wrong numbers, only browsers that you have used before can be used."},
		More:    mail.Text{Japanese: "正しいパスワードを使った人がいます。パスワードを変更してください。", English: "Somebody used your correct password. Change it."},
	},
	CodeReused: {
		Subject: mail.Text{Japanese: "使用済みの数字の入力", English: "A used number was entered"},
		What:    mail.Text{Japanese: "使用済みのワンタイムパスワードが、別の画面で入力されました。", English: "A one-time password already used was entered on another screen."},
		More:    mail.Text{Japanese: "偽の画面に入力していないか確かめてください。", English: "Check that you did not enter it on a false screen."},
	},
	Stopped: {
		Subject: mail.Text{Japanese: "ログインが途中で止まりました", English: "Login stopped at the second step"},
		What:    mail.Text{Japanese: "正しいパスワードの後、ワンタイムパスワードの確認で止まったログインが {n} 回ありました。", English: "Logins with your correct password that stopped at the one-time password: {n}."},
		More:    mail.Text{Japanese: "期間: {from} ～ {to}。ログインは成功していません。ご本人でなければ、パスワードを変更してください。", English: "Between {from} and {to}. Nobody was logged in. If it was not you, change your password."},
	},
	NewDevice: {
		Subject: mail.Text{Japanese: "新しい端末からのログイン", English: "Login from a new device"},
		What:    mail.Text{Japanese: "新しい端末からログインがありました。", English: "There was a login from a new device."},
		More:    mail.Text{Japanese: "方法: {method}", English: "Method: {method}"},
	},
	Temporary: {
		Subject: mail.Text{Japanese: "臨時ログインのお知らせ", English: "Temporary login"},
		What:    mail.Text{Japanese: "メールまたはヘルプデスクの OTP による臨時ログインがありました。", English: "There was a temporary login with an OTP from email or the help desk."},
		More:    mail.Text{Japanese: "方法: {method}", English: "Method: {method}"},
	},
	Trusted: {
		Subject: mail.Text{Japanese: "信頼するブラウザの登録", English: "Trusted browser added"},
		What:    mail.Text{Japanese: "ブラウザを{days}日間信頼する設定をしました。", English: "A browser was trusted for {days} days."},
	},
	CodesMade: {
		Subject: mail.Text{Japanese: "リカバリーコードの作成", English: "Recovery codes made"},
		What:    mail.Text{Japanese: "新しいリカバリーコードが作成されました。", English: "New recovery codes were made."},
		More:    mail.Text{Japanese: "前のコードは使えません。", English: "The former codes no longer work."},
	},
	CodeUsed: {
		Subject: mail.Text{Japanese: "リカバリーコードの使用", English: "Recovery code used"},
		What:    mail.Text{Japanese: "リカバリーコードが1つ使われました。", English: "A recovery code was used."},
		More:    mail.Text{Japanese: "残り {n} 個", English: "Codes left: {n}"},
	},
	PasskeyAdded: {
		Subject: mail.Text{Japanese: "パスキーの作成", English: "Passkey created"},
		What:    mail.Text{Japanese: "パスキー「{name}」が作成されました。", English: "The passkey “{name}” was created."},
	},
	PasskeyRemoved: {
		Subject: mail.Text{Japanese: "パスキーの削除", English: "Passkey removed"},
		What:    mail.Text{Japanese: "パスキー「{name}」が削除されました。", English: "The passkey “{name}” was removed."},
	},
	PasskeyRefused: {
		Subject: mail.Text{Japanese: "パスキーの確認", English: "Passkey refused"},
		What:    mail.Text{Japanese: "パスキー「{name}」が複製された可能性があり、使用を断りました。", English: "The passkey “{name}” may have been copied and was refused."},
	},
	AddressAdded: {
		Subject: mail.Text{Japanese: "通知用メールアドレスの登録", English: "Notification address registered"},
		What:    mail.Text{Japanese: "通知用メールアドレスが登録されました。", English: "A notification email address was registered."},
		More:    mail.Text{Japanese: "登録したアドレス: {new_masked}", English: "Address: {new_masked}"},
	},
	AddressRemoved: {
		Subject: mail.Text{Japanese: "通知用メールアドレスの削除", English: "Notification address removed"},
		What:    mail.Text{Japanese: "通知用メールアドレスが削除されました。", English: "A notification email address was removed."},
		More:    mail.Text{Japanese: "削除したアドレス: {masked}", English: "Address: {masked}"},
	},
	Password: {
		Subject: mail.Text{Japanese: "パスワードの変更", English: "Password changed"},
		What:    mail.Text{Japanese: "パスワードが変更されました。", English: "Your password was changed."},
		More:    mail.Text{Japanese: "ほかの端末はログアウトされました。", English: "Other devices were logged out."},
	},
	CaseOpened: {
		Subject: mail.Text{Japanese: "ヘルプデスクへの受付", English: "Request to the help desk"},
		What:    mail.Text{Japanese: "ヘルプデスクに受付（{kind}）が作られました。", English: "A request to the help desk ({kind}) was opened."},
		More:    mail.Text{Japanese: "受付番号: {no}", English: "Request: {no}"},
	},
	CaseApproved: {
		Subject: mail.Text{Japanese: "受付が承認されました", English: "Request approved"},
		What:    mail.Text{Japanese: "ヘルプデスクが受付（{kind}）を承認しました。", English: "The help desk approved the request ({kind})."},
		More:    mail.Text{Japanese: "受付番号: {no}", English: "Request: {no}"},
	},
	CaseClosed: {
		Subject: mail.Text{Japanese: "受付を終了しました", English: "Request closed"},
		What:    mail.Text{Japanese: "受付（{kind}）を終了しました。理由: {reason}", English: "The request ({kind}) was closed. Reason: {reason}"},
		More:    mail.Text{Japanese: "必要な場合は、ログイン画面からやり直してください。", English: "If you still need it, start again from the login screen."},
	},
	LookedUp: {
		Subject: mail.Text{Japanese: "状態の照会のお知らせ", English: "Your state was looked up"},
		What:    mail.Text{Japanese: "ヘルプデスクが、あなたの認証の状態を照会しました。", English: "The help desk looked up the state of your authentication."},
		More:    mail.Text{Japanese: "理由: {reason}", English: "Reason: {reason}"},
	},
	Suspended: {
		Subject: mail.Text{Japanese: "利用の停止", English: "Suspended"},
		What:    mail.Text{Japanese: "{id_label} の利用が停止されました。", English: "Your {id_label} was suspended."},
	},
	Resumed: {
		Subject: mail.Text{Japanese: "利用の再開", English: "Resumed"},
		What:    mail.Text{Japanese: "{id_label} の利用が再開されました。", English: "Your {id_label} can be used again."},
	},
	Reported: {
		Subject: mail.Text{Japanese: "報告を受け付けました", English: "Report received"},
		What:    mail.Text{Japanese: "心当たりのない変更の報告を受け付けました。", English: "A report of a change not recognized was received."},
		More:    mail.Text{Japanese: "設定の変更とメールでの復旧を止めています。", English: "Settings and recovery by email are stopped."},
	},
}

// Kinds returns every kind.
func Kinds() []Kind { return slices.Sorted(maps.Keys(kinds)) }

var placeholder = regexp.MustCompile(`\{([a-z_]+)\}`)

// Placeholders returns the names of the values that a notice of this kind must
// have. {id_label} is the site's.
func (k Kind) Placeholders() (names []string) {
	w := kinds[k]
	for _, match := range placeholder.FindAllStringSubmatch(w.What.Japanese+w.More.Japanese, -1) {
		if name := match[1]; name != "id_label" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

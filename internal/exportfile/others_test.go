package exportfile

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
)

// enteFile was made with libsodium 1.0.18: crypto_pwhash and
// crypto_secretstream_xchacha20poly1305_push, under 正しい馬 staple.
const enteFile = `{"version":1,"kdfParams":{"memLimit":8388608,"opsLimit":2,"salt":"AAECAwQFBgcICQoLDA0ODw=="},"encryptedData":"Aeb7fo/ED8VJ/p1g3NPXRVbbwUxOc9888onDsg0BcPdYyFGIafdnRut2ip11O0SB4ELBxbdxiQMX/TepZ5xCRF7xP2XXq7jOy7jCYf69wgJHvTgBSjk/vPWjZM2ZTNklwZdUo9zGZgGuuvFc//tbcOg0Sru2oBbmeoeMS+PE2d7FbGl1erFDT9uh1t21","encryptionNonce":"RUvLw35nJE0z8zdUEla8e2OYTjpReV1r"}`

// TestEnte opens what libsodium wrote, and nothing with another passphrase,
// another bit, or at too great a cost.
func TestEnte(t *testing.T) {
	checkFound(t, enteFile, known("正しい馬 staple"), "totp Miyako|s|"+key+" SHA1 6 30 0", "hotp |door|"+key+" SHA1 6 0 5", "scheme")
	for _, test := range []struct {
		old, bad string
		want     Reason
	}{
		{"AAECAwQF", "AAECAwQG", BadPassphrase}, {`"encryptedData":"Aeb7`, `"encryptedData":"Aec7`, BadPassphrase}, {`uh1t21"`, `uh1t22"`, BadPassphrase},
		{`"encryptedData":"Aeb`, `"encryptedData":"Beb`, BadPassphrase}, {`"memLimit":8388608`, `"memLimit":1073741825`, OverLimits},
		{`"memLimit":8388608`, `"memLimit":0`, OverLimits}, {`"opsLimit":2`, `"opsLimit":17`, OverLimits}, {`"opsLimit":2`, `"opsLimit":"2"`, BadFormat},
		{`YTjpReV1r"`, `YTjpReV"`, BadFormat},
	} {
		file := strings.Replace(enteFile, test.old, test.bad, 1)
		if i, err := Read([]byte(file), known("正しい馬 staple")); file == enteFile || ReasonOf(err) != test.want || i.Entries != nil {
			t.Errorf("%s: %v, want %s", test.bad, err, test.want)
		}
	}
}

// TestBitwarden reads what the field of an item may hold, from JSON and CSV.
func TestBitwarden(t *testing.T) {
	want := []string{"totp Miyako|s|" + key + " SHA1 8 30 0", "totp Bank|hanako|" + key + " SHA1 6 30 0", "steam Games|player|" + key + " SHA1 5 30 0", "totp Other|b|" + key + " SHA1 6 30 0", "secret"}
	uri, bare := "otpauth://totp/Miyako:s?secret="+key+"&digits=8", "jbsw y3dp ehpk 3pxp"
	checkFound(t, `{"encrypted":false,"folders":[],"items":[
		{"name":"x","login":{"username":"y","totp":"`+uri+`"}},
		{"name":"Bank","login":{"username":"hanako","totp":"`+bare+`"}},
		{"name":"no code","login":{"username":"u","totp":null}}, {"name":"a note","type":2},
		{"name":"Games","login":{"username":"player","totp":"steam://`+key+`"}},
		{"name":"Other","login":{"username":"u","totp":"otpauth://totp/b?secret=`+key+`"}},
		{"name":"bad","login":{"username":"u","totp":"1"}}]}`, unasked(t), want...)
	checkFound(t, "folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\n"+
		",,login,x,,,0,,y,p,"+uri+"\n,,login,Bank,\"a\nnote\",,0,,hanako,p,"+bare+"\n,,login,no code,,,0,,u,p,\n,,login,Games,,,0,,player,p,steam://"+key+"\n"+
		",,login,Other,,,0,,u,p,otpauth://totp/b?secret="+key+"\n,,login,bad,,,0,,u,p,1\n", unasked(t), want...)
	if _, err := Read([]byte(`{"encrypted":true,"items":[]}`), unasked(t)); ReasonOf(err) != Unsupported {
		t.Errorf("encrypted: %v", err)
	}
	if _, err := Read([]byte("name,login_totp\n\"x"), unasked(t)); ReasonOf(err) != BadFormat {
		t.Errorf("no CSV: %v", err)
	}
}

// TestFreeOTP reads keys of signed bytes, and counters of the last code.
func TestFreeOTP(t *testing.T) {
	checkFound(t, `{"tokenOrder":["Miyako:s"],"tokens":[
		{"algo":"SHA256","counter":0,"digits":8,"issuerExt":"Miyako","label":"s","period":60,"secret":[72,101,108,108,111,33,-34,-83,-66,-17],"type":"TOTP"},
		{"algo":"SHA1","counter":4,"digits":6,"issuerExt":"","issuerInt":"int","label":"h","period":30,"secret":[72,101,108,108,111,33,222,173,190,239],"type":"HOTP"},
		{"algo":"SHA1","counter":9007199254740991,"digits":6,"label":"end","secret":[1],"type":"HOTP"},
		{"algo":"SHA1","digits":6,"label":"bad","secret":[256],"type":"TOTP"}, {"label":"none","type":"TOTP"},
		{"algo":"MD5","digits":6,"label":"md5","secret":[1],"type":"TOTP"}]}`, unasked(t),
		"totp Miyako|s|"+key+" SHA256 8 60 0", "hotp int|h|"+key+" SHA1 6 0 5", "counter", "secret", "secret", "algorithm")
}

const stratumFile = `{"Authenticators":[
	{"Type":2,"Issuer":"Miyako","Username":"s","Secret":"JBSWY3DPEHPK3PXP","Algorithm":1,"Digits":8,"Period":60,"Counter":0,"Ranking":0},
	{"Type":1,"Issuer":"","Username":"h","Secret":"JBSWY3DPEHPK3PXP","Algorithm":0,"Digits":6,"Period":30,"Counter":5},
	{"Type":4,"Issuer":"Steam","Username":"p","Secret":"JBSWY3DPEHPK3PXP","Algorithm":0,"Digits":5,"Period":30,"Counter":0},
	{"Type":3,"Issuer":"m","Username":"","Secret":"JBSWY3DPEHPK3PXP","Algorithm":0,"Digits":6,"Period":10},
	{"Type":2,"Issuer":"m","Username":"","Secret":"JBSWY3DPEHPK3PXP","Algorithm":3,"Digits":6,"Period":30}],"Categories":[]}`

var stratumFound = []string{"totp Miyako|s|" + key + " SHA256 8 60 0", "hotp |h|" + key + " SHA1 6 0 5", "steam Steam|p|" + key + " SHA1 5 30 0", "type", "algorithm"}

// TestStratum reads plain and encrypted backups.
func TestStratum(t *testing.T) {
	checkFound(t, stratumFile, unasked(t), stratumFound...)
	salt, errSalt := draw(rand.Reader, 16)
	iv, errIV := draw(rand.Reader, 12)
	sealed, errSeal := sealGCM(argon2.IDKey([]byte("正しい"), salt, 3, 65536, 4, 32), iv, []byte(stratumFile), nil)
	if err := errors.Join(errSalt, errIV, errSeal); err != nil {
		t.Fatal(err)
	}
	file := "AUTHENTICATORPRO" + string(salt) + string(iv) + string(sealed)
	checkFound(t, file, known("正しい"), stratumFound...)
	for _, bad := range []string{file[:len(file)-1] + "x", file} {
		if _, err := Read([]byte(bad), known("wrong")); ReasonOf(err) != BadPassphrase {
			t.Errorf("%v", err)
		}
	}
	if _, err := Read([]byte("AUTHENTICATORPRO and little else"), unasked(t)); ReasonOf(err) != BadFormat {
		t.Errorf("short: %v", err)
	}
}

// TestProton reads addresses, and the names beside them.
func TestProton(t *testing.T) {
	checkFound(t, `{"version":1,"entries":[
		{"id":"1","content":{"uri":"otpauth://totp/Miyako:s?secret=`+key+`","entry_type":"Totp","name":"s"},"note":"n"},
		{"id":"2","content":{"uri":"steam://`+key+`","entry_type":"Steam","name":"player"},"note":null},
		{"id":"3","content":{"name":"none"}}]}`, unasked(t), "totp Miyako|s|"+key+" SHA1 6 30 0 n", "steam Steam|player|"+key+" SHA1 5 30 0", "scheme")
}

// TestRaivo reads numbers that are texts.
func TestRaivo(t *testing.T) {
	checkFound(t, `[{"account":"s","issuer":"Miyako","secret":"JBSWY3DPEHPK3PXP","algorithm":"SHA512","digits":"8","kind":"TOTP","timer":"60","counter":"0","pinned":"false"},
		{"account":"h","issuer":"","secret":"JBSWY3DPEHPK3PXP","algorithm":"SHA1","digits":"6","kind":"HOTP","timer":"0","counter":"5"},
		{"account":"bad","issuer":"","secret":"JBSWY3DPEHPK3PXP","algorithm":"SHA1","digits":"six","kind":"TOTP","timer":"30","counter":"0"}]`, unasked(t),
		"totp Miyako|s|"+key+" SHA512 8 60 0", "hotp |h|"+key+" SHA1 6 0 5", "digits")
}

const andOTPFile = `[{"secret":"JBSWY3DPEHPK3PXP","issuer":"Miyako","label":"s","digits":8,"type":"TOTP","algorithm":"SHA256","period":60,"thumbnail":"Default","tags":[]},
	{"secret":"JBSWY3DPEHPK3PXP","issuer":"","label":"h","digits":6,"type":"HOTP","algorithm":"SHA1","counter":5},
	{"secret":"JBSWY3DPEHPK3PXP","issuer":"Steam","label":"p","digits":5,"type":"STEAM","algorithm":"SHA1","period":30},
	{"secret":"JBSWY3DPEHPK3PXP","issuer":"","label":"m","digits":6,"type":"MOTP","algorithm":"SHA1","period":10}]`

var andOTPFound = []string{"totp Miyako|s|" + key + " SHA256 8 60 0", "hotp |h|" + key + " SHA1 6 0 5", "steam Steam|p|" + key + " SHA1 5 30 0", "type"}

// TestAndOTP reads plain and encrypted backups; another number at the beginning
// is no backup, and nothing is derived.
func TestAndOTP(t *testing.T) {
	checkFound(t, andOTPFile, unasked(t), andOTPFound...)
	salt, errSalt := draw(rand.Reader, 12)
	iv, errIV := draw(rand.Reader, 12)
	k, errKey := pbkdf2.Key(sha1.New, "正しい", salt, 150_000, 32)
	if err := errors.Join(errSalt, errIV, errKey); err != nil {
		t.Fatal(err)
	}
	sealed, err := sealGCM(k, iv, []byte(andOTPFile), nil)
	if err != nil {
		t.Fatal(err)
	}
	begin := func(rounds uint32) string {
		return string(binary.BigEndian.AppendUint32(nil, rounds)) + string(salt) + string(iv) + string(sealed)
	}
	checkFound(t, begin(150_000), known("正しい"), andOTPFound...)
	if _, err := Read([]byte(begin(150_000)), known("wrong")); ReasonOf(err) != BadPassphrase {
		t.Errorf("wrong passphrase: %v", err)
	}
	for _, rounds := range []uint32{0, 999, maxAndOTPRounds + 1, 1<<32 - 1} {
		if _, err := Read([]byte(begin(rounds)), unasked(t)); ReasonOf(err) != BadFormat {
			t.Errorf("%d rounds: %v", rounds, err)
		}
	}
}

func FuzzReadOthers(f *testing.F) {
	fuzzFiles(f, stratumFile, andOTPFile, `[{"kind":"TOTP","secret":"JBSWY3DPEHPK3PXP","digits":"6"}]`,
		"name,login_username,login_totp\nBank,hanako,"+key+"\n", `{"encrypted":false,"items":[{"name":"Bank","login":{"username":"hanako","totp":"`+key+`"}}]}`,
		`{"tokenOrder":[],"tokens":[{"label":"s","secret":[72,-1],"type":"HOTP","counter":1}]}`,
		`{"entries":[{"content":{"uri":"steam://`+key+`","name":"player"}}]}`)
}

package warehouse

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"lamplighter/localcloud/pgwire"
	"lamplighter/resources/simcloud"
)

// user is a database user. Passwords are kept salted and hashed.
type user struct {
	Password string      `json:"password,omitempty"` // "" cannot log in by password
	Super    bool        `json:"super,omitempty"`
	Logins   []userLogin `json:"logins,omitempty"` // temporary passwords
}

type userLogin struct {
	Password string    `json:"password"`
	Until    time.Time `json:"until"`
	Database string    `json:"database,omitempty"` // "" is any
}

const hashRounds = 4096

// hashPassword is salt$hash; "" of an empty password, which never matches.
func hashPassword(password string) string {
	if password == "" {
		return ""
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	return base64.RawStdEncoding.EncodeToString(salt) + "$" + derive(password, salt)
}

func derive(password string, salt []byte) string {
	key, err := pbkdf2.Key(sha256.New, password, salt, hashRounds, 32)
	if err != nil {
		panic("warehouse: " + err.Error()) // only for lengths that are constant here
	}
	return base64.RawStdEncoding.EncodeToString(key)
}

func checkPassword(hash, password string) bool {
	salt, key, ok := strings.Cut(hash, "$")
	raw, err := base64.RawStdEncoding.DecodeString(salt)
	if !ok || err != nil {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(derive(password, raw)), []byte(key)) == 1
}

// addLogin lets a user log in by a temporary password.
func (c *cluster) addLogin(l simcloud.Login) error {
	if l.User == "" || l.Password == "" {
		return fmt.Errorf("a login takes a user and a password")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	name := strings.ToLower(l.User)
	u := c.meta.Users[name]
	if u == nil {
		if !l.Create {
			return fmt.Errorf("user %q does not exist in cluster %s", l.User, c.id)
		}
		u = &user{}
		c.meta.Users[name] = u
	}
	kept := u.Logins[:0]
	for _, old := range u.Logins {
		if old.Until.After(time.Now()) {
			kept = append(kept, old)
		}
	}
	u.Logins = append(kept, userLogin{Password: hashPassword(l.Password), Until: l.Until, Database: l.Database})
	return saveMeta(c.dir, c.meta)
}

// authenticate checks a password and returns the database user's name. A
// temporary login is made as IAM:name or IAMA:name.
func (c *cluster) authenticate(s pgwire.Startup) (string, error) {
	name, temporary := strings.ToLower(s.User), false
	for _, prefix := range []string{"iam:", "iama:"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			name, temporary = rest, true
		}
	}
	refused := &pgwire.Error{Severity: "FATAL", Code: "28P01", Msg: fmt.Sprintf("password authentication failed for user %q", s.User)}
	c.mu.Lock()
	u := c.meta.Users[name]
	var password string
	var logins []userLogin
	if u != nil {
		password, logins = u.Password, append(logins, u.Logins...)
	}
	c.mu.Unlock()
	switch {
	case u != nil && !temporary && checkPassword(password, s.Password):
	case u != nil && validLogin(logins, s, time.Now()):
	default:
		return "", refused
	}
	if s.Database != c.meta.Database {
		return "", &pgwire.Error{Severity: "FATAL", Code: "3D000", Msg: fmt.Sprintf("database %q does not exist", s.Database)}
	}
	return name, nil
}

func validLogin(logins []userLogin, s pgwire.Startup, now time.Time) bool {
	for _, l := range logins {
		if now.Before(l.Until) && (l.Database == "" || l.Database == s.Database) && checkPassword(l.Password, s.Password) {
			return true
		}
	}
	return false
}

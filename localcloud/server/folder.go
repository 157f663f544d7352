package server

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"lamplighter/resources/simcloud"
)

// Folder is a data folder: everything the embedded cloud keeps.
//
//	lock          held by the running process; says its process id and endpoint
//	state.json    the control planes
//	credentials   the one account's access key, as an AWS credentials file
//	s3/           objects as plain files
//	warehouse/    DuckDB files, snapshots, certificates
//	spark/        steps under way
type Folder string

func (f Folder) path(name string) string { return filepath.Join(string(f), name) }

// Credentials is the AWS credentials file of the account.
func (f Folder) Credentials() string { return f.path("credentials") }

// Owner is the process that holds a folder.
type Owner struct {
	PID      int    `json:"pid"`
	Endpoint string `json:"endpoint"` // "" until it is ready
	Region   string `json:"region,omitempty"`
}

// ErrRunning is wrapped by the error of lock when another process holds the
// folder.
var ErrRunning = errors.New("an embedded cloud is running on this data folder")

// lock makes the folder this process's own until the file is closed, or the
// process dies in whatever way.
func (f Folder) lock() (*os.File, error) {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w (choose another with --data)", err)
	}
	file, err := os.OpenFile(f.path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write into the data folder: %w (choose another with --data)", err)
	}
	for range 10 { // one who only asks who runs holds it for an instant
		if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		file.Close()
		if owner, readErr := f.readOwner(); readErr == nil {
			return nil, fmt.Errorf("%w: %s, process %d, %s (stop it, or use another folder)", ErrRunning, f, owner.PID, owner.Endpoint)
		}
		return nil, fmt.Errorf("%w: %s: %v", ErrRunning, f, err)
	}
	return file, nil
}

func writeOwner(file *os.File, o Owner) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err = file.WriteAt(text, 0)
	return err
}

func (f Folder) readOwner() (o Owner, err error) {
	text, err := os.ReadFile(f.path("lock"))
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(text, &o)
}

// Running is the process that holds the folder; ok is false if none does.
func (f Folder) Running() (o Owner, ok bool, err error) {
	file, err := os.Open(f.path("lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return o, false, nil
	}
	if err != nil {
		return o, false, err
	}
	defer file.Close()
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	switch {
	case err == nil: // closing the file gives it back
		return o, false, nil
	case !errors.Is(err, syscall.EWOULDBLOCK):
		return o, false, err
	}
	o, err = f.readOwner()
	return o, true, err
}

// Environment is what AWS's tools need in theirs to reach the running cloud,
// as NAME=value. No secret is in it: the credentials file is named.
func (f Folder) Environment() ([]string, error) {
	folder, err := absolute(f)
	if err != nil {
		return nil, err
	}
	owner, running, err := folder.Running()
	switch {
	case err != nil:
		return nil, err
	case !running || owner.Endpoint == "":
		return nil, fmt.Errorf("no embedded cloud is running on %s: start it with localcloud start --data %s", folder, f)
	}
	return []string{
		"AWS_ENDPOINT_URL=" + owner.Endpoint, "AWS_REGION=" + owner.Region, "AWS_DEFAULT_REGION=" + owner.Region,
		"AWS_SHARED_CREDENTIALS_FILE=" + folder.Credentials(), "AWS_PROFILE=" + Profile,
	}, nil
}

// State is the control planes' state as last saved; nil if none ever was.
func (f Folder) State() (*simcloud.State, error) {
	text, err := os.ReadFile(f.path("state.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	state := new(simcloud.State)
	if err := json.Unmarshal(text, state); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path("state.json"), err)
	}
	return state, nil
}

func (f Folder) saveState(state *simcloud.State) error {
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return writeFile(f.path("state.json"), text, 0o600)
}

// writeFile replaces a file whole and durably.
func writeFile(path string, text []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// account is the access key of the folder's one account.
type account struct {
	Key    string `json:"key"`
	Secret string `json:"secret"`
}

// account reads the access key, or makes one and writes the credentials file.
func (f Folder) account() (account, error) {
	var a account
	text, err := os.ReadFile(f.path("key.json"))
	switch {
	case err == nil:
		if err := json.Unmarshal(text, &a); err != nil || a.Key == "" || a.Secret == "" {
			return a, fmt.Errorf("%s is damaged: remove it, and a new key is made", f.path("key.json"))
		}
	case errors.Is(err, fs.ErrNotExist):
		a = account{Key: "LOCALCLOUD" + rand.Text()[:10], Secret: secret()}
		if text, err = json.Marshal(a); err != nil {
			return a, err
		}
		if err := writeFile(f.path("key.json"), text, 0o600); err != nil {
			return a, err
		}
	default:
		return a, err
	}
	ini := fmt.Sprintf("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", Profile, a.Key, a.Secret)
	return a, writeFile(f.Credentials(), []byte(ini), 0o600)
}

// Profile is the account's profile in the credentials file.
const Profile = "local"

// secret is 40 characters, as AWS's are.
func secret() string {
	b := make([]byte, 30)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

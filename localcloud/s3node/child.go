package s3node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

// childConfig is what the parent writes to the child's standard input, one
// line of JSON. Secrets travel so and not as arguments, which anybody may see.
type childConfig struct {
	Dir    string `json:"dir"`
	Port   int    `json:"port"`
	Region string `json:"region"`
	Key    string `json:"key"`
	Secret string `json:"secret"`
}

// readyLine is what the child prints once it listens.
const readyLine = "s3: listening"

// Serve is the child process: it serves S3 until in ends, which is when the
// parent closes it or dies in whatever way. It changes the working directory.
//
// Signals sent to this process, such as a terminal's Ctrl-C, are not for it:
// the parent decides.
func Serve(in io.Reader, out io.Writer) error {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	lines := json.NewDecoder(in)
	var c childConfig
	if err := lines.Decode(&c); err != nil {
		return fmt.Errorf("read the configuration of the S3 process: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		io.Copy(io.Discard, in)
		os.Exit(0) // every object is whole or absent: nothing is lost by a sudden end
	}()
	objects, versions := filepath.Join(c.Dir, "objects"), filepath.Join(c.Dir, "versions")
	for _, dir := range []string{objects, versions} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make the folder of the S3 objects: %w", err)
		}
	}
	if err := sameLayout(c.Dir); err != nil {
		return err
	}
	if err := (meta.XattrMeta{}).Test(objects); err != nil {
		return fmt.Errorf("the file system of %s keeps no extended attributes, which S3's metadata needs (choose a data folder on another one, such as ext4 or xfs): %w", objects, err)
	}
	store, err := posix.New(objects, meta.XattrMeta{}, posix.PosixOpts{
		VersioningDir:       versions,
		CopyObjectThreshold: 5 << 30, // 0 would refuse every copy
	})
	if err != nil {
		return fmt.Errorf("open the S3 objects: %w", err)
	}
	return embedgw.RunVersityGW(ctx, named{store}, &embedgw.Config{
		RootUserAccess:    c.Key,
		RootUserSecret:    c.Secret,
		Region:            c.Region,
		Ports:             []string{"127.0.0.1:" + strconv.Itoa(c.Port)},
		MaxConnections:    4096,
		MaxRequests:       4096,
		MultipartMaxParts: 10000,
		KeepAlive:         true,
		Quiet:             true,
		S3Options:         []s3api.Option{s3api.WithOnListen(func() { fmt.Fprintln(out, readyLine) })},
	})
}

// layout is the version of names.go's way to keep keys as files.
const layout = "2\n"

// sameLayout refuses a folder whose objects have other names than names.go
// gives them: they would seem to be gone.
func sameLayout(dir string) error {
	file := filepath.Join(dir, "layout")
	text, err := os.ReadFile(file)
	if err == nil && string(text) == layout {
		return nil
	}
	buckets, err := os.ReadDir(filepath.Join(dir, "objects"))
	if err != nil {
		return err
	}
	for _, bucket := range buckets {
		if bucket.IsDir() {
			return fmt.Errorf("the S3 objects in %s were written by another version of the embedded cloud, which names files differently (start with another data folder)", dir)
		}
	}
	return os.WriteFile(file, []byte(layout), 0o644)
}

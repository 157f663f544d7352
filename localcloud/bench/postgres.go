package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgres loads the same objects by PostgreSQL's COPY: unpacked by zcat into
// the standard input of one psql-like connection, as people do. It needs
// initdb and postgres in PATH.
func (w *world) postgres(ctx context.Context, days, rows int) (err error) {
	data := w.in("postgres")
	user := []string{}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		user = []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}
		if err := errors.Join(os.Mkdir(data, 0o700), os.Chown(data, 65534, 65534), os.Chmod(w.dir, 0o755)); err != nil {
			return err
		}
	}
	command := func(args ...string) *exec.Cmd {
		args = append(append([]string{}, user...), args...)
		return exec.CommandContext(ctx, args[0], args[1:]...)
	}
	if said, err := command("initdb", "-D", data, "-U", "bench", "-A", "trust", "--no-sync").CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, said)
	}
	server := command("postgres", "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(w.port()+1), "-k", "", "-c", "max_wal_size=8GB")
	if err := server.Start(); err != nil {
		return err
	}
	defer func() {
		_ = server.Process.Signal(os.Interrupt) // fast shutdown
		_ = server.Wait()
	}()
	conn, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "create table ratings (user_id integer not null, movie_id integer not null, rating float4 not null, rated_at timestamp not null)"); err != nil {
		return err
	}
	files, err := w.files(days, rows)
	if err != nil {
		return err
	}
	began := time.Now()
	unpack := exec.CommandContext(ctx, "zcat", files...)
	text, err := unpack.StdoutPipe()
	if err != nil {
		return err
	}
	if err := unpack.Start(); err != nil {
		return err
	}
	tag, err := conn.PgConn().CopyFrom(ctx, text, "copy ratings from stdin (format csv)")
	if err := errors.Join(err, unpack.Wait()); err != nil {
		return err
	}
	line("the same rows by PostgreSQL's COPY", time.Since(began), fmt.Sprintf("%d rows, from local files, one connection", tag.RowsAffected()))
	return nil
}

// port is the embedded cloud's.
func (w *world) port() int {
	_, text, _ := strings.Cut(strings.TrimPrefix(*w.objects.API.Options().BaseEndpoint, "http://"), ":")
	n, _ := strconv.Atoi(text)
	return n
}

func (w *world) connect(ctx context.Context) (*pgx.Conn, error) {
	for try := 0; ; try++ {
		conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://bench@127.0.0.1:%d/postgres?sslmode=disable", w.port()+1))
		if err == nil || try == 100 {
			return conn, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// files are the same rows as the objects', without the first lines, which this
// COPY would take for rows.
func (w *world) files(days, rows int) (files []string, err error) {
	for day := range days {
		n := rows / days
		if day < rows%days {
			n++
		}
		body, err := ratings(day, n, "")
		if err != nil {
			return nil, err
		}
		files = append(files, w.in(fmt.Sprintf("day-%05d.csv.gz", day)))
		if err := os.WriteFile(files[day], body, 0o644); err != nil {
			return nil, err
		}
	}
	return files, nil
}

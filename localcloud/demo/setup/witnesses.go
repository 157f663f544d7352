package setup

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// witnesses speak AWS's protocols from other sources than ours, and the
// warehouse's; the first two want the same botocore.
var witnesses = []string{"awscli==1.45.11", "boto3==1.43.11", "psycopg2-binary==2.9.13", "psycopg[binary]==3.3.9", "redshift_connector==2.2.0"}

// FetchWitnesses makes the venv of the aws command, boto3 and the drivers, once.
func (p Place) FetchWitnesses(ctx context.Context, python string) error {
	venv, mark := p.In("witnesses"), strings.Join(witnesses, "\n")
	ready := filepath.Join(venv, "ready")
	if made, err := os.ReadFile(ready); err == nil && string(made) == mark {
		return nil
	}
	if err := os.RemoveAll(venv); err != nil {
		return err
	}
	log, err := os.Create(p.In("witnesses.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	if err := command(ctx, p.Dot(), log, nil, python, "-m", "venv", venv); err != nil {
		return err
	}
	pip := append([]string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check"}, witnesses...)
	if err := command(ctx, p.Dot(), log, nil, filepath.Join(venv, "bin", "python"), pip...); err != nil {
		return err
	}
	return os.WriteFile(ready, []byte(mark), 0o644)
}

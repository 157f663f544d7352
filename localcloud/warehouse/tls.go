package warehouse

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Names in the TLS folder. Clients trust ca.pem. The authority's own key is
// thrown away: it signs one certificate only.
const (
	caName     = "ca.pem"
	certName   = "server.pem"
	certKey    = "server.key"
	validFor   = 10 * 365 * 24 * time.Hour
	renewUnder = 30 * 24 * time.Hour
)

type certificates struct{ config *tls.Config }

// loadCertificates reads the authority and the server's certificate, or makes
// new ones when they are missing, broken or about to end.
func loadCertificates(dir string) (*certificates, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, certName), filepath.Join(dir, certKey))
	if err != nil || !usable(dir, pair) {
		if err := makeCertificates(dir); err != nil {
			return nil, fmt.Errorf("certificates in %s: %w", dir, err)
		}
		if pair, err = tls.LoadX509KeyPair(filepath.Join(dir, certName), filepath.Join(dir, certKey)); err != nil {
			return nil, err
		}
	}
	return &certificates{config: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}}, nil
}

// usable says that ca.pem signed the certificate and that it lasts.
func usable(dir string, pair tls.Certificate) bool {
	ca, err := os.ReadFile(filepath.Join(dir, caName))
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(ca) {
		return false
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return false
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "localhost", CurrentTime: time.Now().Add(renewUnder)})
	return err == nil
}

func makeCertificates(dir string) error {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "lamplighter embedded cloud"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validFor), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, MaxPathLenZero: true,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validFor),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return err
	}
	files := []struct {
		name string
		key  *ecdsa.PrivateKey
		der  []byte
	}{{caName, nil, caDER}, {certKey, key, nil}, {certName, nil, leafDER}}
	for _, f := range files {
		if err := writePEM(filepath.Join(dir, f.name), f.key, f.der); err != nil {
			return err
		}
	}
	return nil
}

func writePEM(name string, key *ecdsa.PrivateKey, der []byte) error {
	block := &pem.Block{Type: "CERTIFICATE", Bytes: der}
	mode := os.FileMode(0o644)
	if key != nil {
		b, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		block, mode = &pem.Block{Type: "PRIVATE KEY", Bytes: b}, 0o600
	}
	return os.WriteFile(name, pem.EncodeToMemory(block), mode)
}

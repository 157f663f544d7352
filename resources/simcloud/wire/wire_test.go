package wire

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"lamplighter/resources/emr"
	"lamplighter/resources/killswitch"
	"lamplighter/resources/redshift"
)

const (
	testKey    = "LOCALKEY"
	testSecret = "a secret/with+signs="
)

func config(endpoint string) aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: &endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider(testKey, testSecret, ""),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
		HTTPClient:   &http.Client{Transport: plainBodies{}},
	}
}

// plainBodies hides WriteTo of request bodies. With it, smithy-go v1.28.8 says
// io.EOF of a body it has closed, net/http takes that for a failed write and
// closes the connection under an answer longer than its buffer, if that answer
// came as fast as a local server's. The SDK's own retries hide it; here they
// are off.
type plainBodies struct{}

func (plainBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r = r.Clone(r.Context())
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return http.DefaultTransport.RoundTrip(r)
}

// recorder answers every operation of every service with what the test says,
// and keeps what it was asked.
type recorder struct {
	output any
	err    error
	input  any
	op     string
}

func (rec *recorder) handler() *Handler {
	h := New(Backend{}, Options{Keys: map[string]string{testKey: testSecret}, Now: time.Now})
	for scope, api := range interfaces {
		for m := range api.Methods() {
			h.services[scope].ops[m.Name] = operation{m.Type.In(1).Elem(), func(_ context.Context, input any) (any, error) {
				rec.op, rec.input = m.Name, input
				return rec.output, rec.err
			}}
		}
	}
	return h
}

var interfaces = map[string]reflect.Type{
	"redshift":         reflect.TypeFor[redshift.API](),
	"elasticmapreduce": reflect.TypeFor[emr.API](),
	"scheduler":        reflect.TypeFor[killswitch.API](),
	"sts":              reflect.TypeFor[STS](),
}

func clients(endpoint string) map[string]any {
	c := config(endpoint)
	return map[string]any{
		"redshift":         awsredshift.NewFromConfig(c),
		"elasticmapreduce": awsemr.NewFromConfig(c),
		"scheduler":        awsscheduler.NewFromConfig(c),
		"sts":              sts.NewFromConfig(c),
	}
}

// call asks a real client for an operation.
func call(client any, op string, input any) (any, error) {
	out := reflect.ValueOf(client).MethodByName(op).Call([]reflect.Value{reflect.ValueOf(context.Background()), reflect.ValueOf(input)})
	err, _ := out[1].Interface().(error)
	return out[0].Interface(), err
}

// same compares shapes by their members, and instants as instants.
var same = cmp.Options{
	cmp.FilterPath(func(p cmp.Path) bool {
		name := p.Last().String()
		return name == ".ResultMetadata" || name == ".noSmithyDocumentSerde"
	}, cmp.Ignore()),
	cmpopts.EquateApproxTime(time.Millisecond),
	cmpopts.EquateEmpty(), // no protocol but the query one tells an empty list from none
}

// fill sets the members of a shape: all when choose always says true.
func fill(v reflect.Value, depth int, choose func() bool, text func() string, number func(bits int) int64) {
	switch {
	case v.Type() == timeType:
		v.Set(reflect.ValueOf(time.UnixMilli(1_700_000_000_000 + number(31)).UTC()))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth, choose, text, number)
	case v.Kind() == reflect.Struct:
		for _, field := range fieldsOf(v) {
			if depth > 0 && choose() {
				fill(field, depth-1, choose, text, number)
			}
		}
	case v.Kind() == reflect.Slice:
		n := 2
		if v.Type().Elem().Name() == "Configuration" {
			n = 1 // it holds a list of itself
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range v.Len() {
			fill(v.Index(i), depth, choose, text, number)
			if v.Index(i).Kind() == reflect.Struct && v.Index(i).NumField() > 1 && v.Index(i).IsZero() { // no query can say that
				for _, field := range fieldsOf(v.Index(i)) {
					fill(field, 0, choose, text, number)
					break
				}
			}
		}
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		element := reflect.New(v.Type().Elem()).Elem()
		fill(element, depth, choose, text, number)
		v.SetMapIndex(reflect.ValueOf("a "+text()).Convert(v.Type().Key()), element)
	case v.Kind() == reflect.String:
		v.SetString(text())
	case v.Kind() == reflect.Bool:
		v.SetBool(number(8)%2 == 0)
	case v.CanInt():
		v.SetInt(number(v.Type().Bits()))
	case v.CanFloat():
		v.SetFloat(float64(number(31)) / 8)
	default:
		panic(fmt.Sprintf("no values for %s: the codec cannot carry it either", v.Type()))
	}
}

// TestEveryMemberOfEveryOperation sends each operation's input with all
// members set and gets its output with all members set.
func TestEveryMemberOfEveryOperation(t *testing.T) {
	rec := &recorder{}
	server := httptest.NewServer(rec.handler())
	defer server.Close()
	for scope, client := range clients(server.URL) {
		for m := range interfaces[scope].Methods() {
			t.Run(scope+"."+m.Name, func(t *testing.T) {
				n := 0
				text := func() string { n++; return fmt.Sprintf("text-%d", n) }
				number := func(int) int64 { n++; return int64(n) }
				roundTrip(t, rec, client, m, 9, func() bool { return true }, text, number)
			})
		}
	}
}

func TestAnyMembersOfEveryOperation(t *testing.T) {
	rec := &recorder{}
	server := httptest.NewServer(rec.handler())
	defer server.Close()
	for scope, client := range clients(server.URL) {
		for m := range interfaces[scope].Methods() {
			t.Run(scope+"."+m.Name, rapid.MakeCheck(func(t *rapid.T) {
				text := func() string { return rapid.StringMatching(`[a-zäß<>&"'%+/:=? ]{0,6}[a-z漢]`).Draw(t, "text") }
				number := func(bits int) int64 {
					limit := int64(1)<<(bits-1) - 1
					return rapid.Int64Range(-limit, limit).Draw(t, "number")
				}
				roundTrip(t, rec, client, m, 5, func() bool { return rapid.IntRange(0, 9).Draw(t, "set") < 7 }, text, number)
			}))
		}
	}
}

func roundTrip(t rapid.TB, rec *recorder, client any, m reflect.Method, depth int, choose func() bool, text func() string, number func(int) int64) {
	t.Helper()
	input, output := reflect.New(m.Type.In(1).Elem()), reflect.New(m.Type.Out(0).Elem())
	fill(input.Elem(), depth, choose, text, number)
	fill(output.Elem(), depth, choose, text, number)
	always(input.Elem())
	rec.input, rec.output, rec.err = nil, output.Interface(), nil

	got, err := call(client, m.Name, input.Interface())
	if err != nil {
		if _, drawn := t.(*rapid.T); drawn && refused(err) {
			return // the client refused to send it: a required member was not drawn
		}
		t.Fatalf("%s: %v", m.Name, err)
	}
	if diff := cmp.Diff(input.Interface(), rec.input, same); diff != "" {
		t.Errorf("%s: the backend was asked something else (-sent +arrived):\n%s", m.Name, diff)
	}
	if diff := cmp.Diff(output.Interface(), got, same); diff != "" {
		t.Errorf("%s: the client read something else (-answered +read):\n%s", m.Name, diff)
	}
}

// refused says that the client did not send the request.
func refused(err error) bool {
	return strings.Contains(err.Error(), "validation error") || strings.Contains(err.Error(), "must not be empty")
}

// always sets the members that the SDK would fill in itself, and gives names
// that stand in a path the alphabet they have.
func always(input reflect.Value) {
	for name, field := range fieldsOf(input) {
		if name == "ClientToken" || name == "Name" && field.Kind() == reflect.Pointer && strings.Contains(input.Type().Name(), "Schedule") {
			value := "name-1_x.y"
			field.Set(reflect.ValueOf(&value))
		}
	}
}

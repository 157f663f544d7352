package wire

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	smithytime "github.com/aws/smithy-go/time"
)

// query is the dialect of Redshift and STS: a form in, XML out.
type query struct{ namespace string }

func (query) codes() ownCodes {
	return ownCodes{"MissingAuthenticationToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidAction", "MalformedInput"}
}

func (query) request(r *http.Request, body []byte) (string, func(any) error) {
	form, err := url.ParseQuery(string(body))
	if r.Method == http.MethodGet {
		form, err = url.ParseQuery(r.URL.RawQuery)
	}
	return form.Get("Action"), func(input any) error {
		if err != nil {
			return err
		}
		return decodeForm(reflect.ValueOf(input).Elem(), "", form)
	}
}

func (q query) answer(w http.ResponseWriter, op, id string, output any) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<%sResponse xmlns=%q><%sResult>`, op, q.namespace, op)
	encodeXML(&b, reflect.ValueOf(output).Elem())
	fmt.Fprintf(&b, `</%sResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>`, op, id, op)
	writeXML(w, http.StatusOK, id, b.Bytes())
}

func (q query) fault(w http.ResponseWriter, id string, f fault) {
	side := "Sender"
	if f.status >= 500 {
		side = "Receiver"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<ErrorResponse xmlns=%q><Error><Type>%s</Type><Code>`, q.namespace, side)
	xml.EscapeText(&b, []byte(f.code))
	b.WriteString(`</Code><Message>`)
	xml.EscapeText(&b, []byte(f.message))
	fmt.Fprintf(&b, `</Message></Error><RequestId>%s</RequestId></ErrorResponse>`, id)
	writeXML(w, f.status, id, b.Bytes())
}

func writeXML(w http.ResponseWriter, status int, id string, body []byte) {
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", id)
	w.WriteHeader(status)
	w.Write(append([]byte(xml.Header), body...))
}

// lowerCamel are the structures whose members begin with a small letter on the
// wire: what Scheduler passes on to ECS.
var lowerCamel = map[string]bool{
	"CapacityProviderStrategyItem": true, "NetworkConfiguration": true, "PlacementConstraint": true, "PlacementStrategy": true,
}

// fieldsOf are the members of a shape, by their name on the wire. What the SDK
// adds to a struct for itself is left out.
func fieldsOf(v reflect.Value) iter.Seq2[string, reflect.Value] {
	return func(yield func(string, reflect.Value) bool) {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || f.Anonymous || f.Name == "ResultMetadata" {
				continue
			}
			name := f.Name
			if lowerCamel[v.Type().Name()] {
				name = strings.ToLower(name[:1]) + name[1:]
			}
			if !yield(name, v.Field(i)) {
				return
			}
		}
	}
}

var timeType = reflect.TypeFor[time.Time]()

// decodeForm reads the parameters called prefix, prefix.X, prefix.X.1, …
// into v. Parameters that the shape does not know are ignored, as AWS does.
func decodeForm(v reflect.Value, prefix string, form url.Values) error {
	if v.Kind() == reflect.Struct && v.Type() != timeType {
		for name, field := range fieldsOf(v) {
			if err := decodeForm(field, join(prefix, name), form); err != nil {
				return err
			}
		}
		return nil
	}
	if !given(form, prefix) {
		return nil
	}
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decodeForm(v.Elem(), prefix, form)
	case v.Kind() == reflect.Slice:
		return decodeFormList(v, prefix, form)
	}
	if err := setText(v, form.Get(prefix)); err != nil {
		return fmt.Errorf("parameter %s: %w", prefix, err)
	}
	return nil
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

func given(form url.Values, prefix string) bool {
	if form.Has(prefix) {
		return true
	}
	for k := range form {
		if strings.HasPrefix(k, prefix+".") {
			return true
		}
	}
	return false
}

// decodeFormList reads Tags.Tag.1.Key, Tags.Tag.2.Key, …: whatever the element
// is called, its number counts.
func decodeFormList(v reflect.Value, prefix string, form url.Values) error {
	elements := map[int]string{} // number -> the element's own prefix
	for k := range form {
		rest, ok := strings.CutPrefix(k, prefix+".")
		if !ok {
			continue
		}
		name, rest, _ := strings.Cut(rest, ".")
		number, _, _ := strings.Cut(rest, ".")
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return fmt.Errorf("parameter %s: an element has no number", k)
		}
		elements[n] = prefix + "." + name + "." + number
	}
	numbers := make([]int, 0, len(elements))
	for n := range elements {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	list := reflect.MakeSlice(v.Type(), len(numbers), len(numbers))
	for i, n := range numbers {
		if err := decodeForm(list.Index(i), elements[n], form); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

// setText sets a scalar from its text.
func setText(v reflect.Value, s string) error {
	switch {
	case v.Type() == timeType:
		t, err := smithytime.ParseDateTime(s)
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(t))
	case v.Kind() == reflect.String:
		v.SetString(s)
	case v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return err
		}
		v.SetBool(b)
	case v.CanInt():
		n, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if err != nil {
			return err
		}
		v.SetInt(n)
	case v.CanFloat():
		x, err := strconv.ParseFloat(s, v.Type().Bits())
		if err != nil {
			return err
		}
		v.SetFloat(x)
	default:
		return fmt.Errorf("values of type %s cannot be read", v.Type())
	}
	return nil
}

// listElements are the names of list elements in answers: of lists of
// structures by the structure's type, else by the member's name. A structure
// not named here is called by its type, and other elements are "member".
// From the deserializers of the SDK's redshift package, v1.62.10.
var listElements = map[string]string{
	"VpcSecurityGroupMembership":     "VpcSecurityGroup",
	"ClusterSecurityGroupMembership": "ClusterSecurityGroup",
	"ClusterParameterGroupStatus":    "ClusterParameterGroup",
	"ClusterParameterStatus":         "member",
	"ClusterNode":                    "member",
	"RestorableNodeTypes":            "NodeType",
	"EventCategories":                "EventCategory",
}

func elementName(member string, element reflect.Type) string {
	key, otherwise := member, "member"
	if element.Kind() == reflect.Struct && element != timeType {
		key, otherwise = element.Name(), element.Name()
	}
	if name, ok := listElements[key]; ok {
		return name
	}
	return otherwise
}

// encodeXML writes the members of a structure. Members without a value are
// left out.
func encodeXML(b *bytes.Buffer, v reflect.Value) {
	for name, field := range fieldsOf(v) {
		if field.IsZero() {
			continue
		}
		if field.Kind() == reflect.Pointer {
			field = field.Elem()
		}
		b.WriteString("<" + name + ">")
		if field.Kind() == reflect.Slice {
			element := elementName(name, field.Type().Elem())
			for i := range field.Len() {
				b.WriteString("<" + element + ">")
				encodeXMLValue(b, field.Index(i))
				b.WriteString("</" + element + ">")
			}
		} else {
			encodeXMLValue(b, field)
		}
		b.WriteString("</" + name + ">")
	}
}

func encodeXMLValue(b *bytes.Buffer, v reflect.Value) {
	switch {
	case v.Type() == timeType:
		b.WriteString(smithytime.FormatDateTime(v.Interface().(time.Time)))
	case v.Kind() == reflect.Struct:
		encodeXML(b, v)
	default:
		xml.EscapeText(b, []byte(fmt.Sprint(v.Interface())))
	}
}

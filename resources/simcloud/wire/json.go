package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	smithytime "github.com/aws/smithy-go/time"
)

// json11 is the dialect of EMR: AWS JSON 1.1, the operation in a header.
type json11 struct{}

func (json11) codes() ownCodes {
	return ownCodes{"MissingAuthenticationTokenException", "UnrecognizedClientException", "InvalidSignatureException",
		"UnknownOperationException", "SerializationException"}
}

func (json11) request(r *http.Request, body []byte) (string, func(any) error) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return op, func(input any) error { return decodeBody(input, body) }
}

func (json11) answer(w http.ResponseWriter, _, id string, output any) {
	writeJSON(w, "application/x-amz-json-1.1", http.StatusOK, id, encodeJSON(reflect.ValueOf(output)))
}

func (json11) fault(w http.ResponseWriter, id string, f fault) {
	jsonFault(w, "application/x-amz-json-1.1", id, f)
}

// restJSON is the dialect of EventBridge Scheduler: the operation is the HTTP
// method and path.
type restJSON struct{}

func (restJSON) codes() ownCodes {
	return ownCodes{"MissingAuthenticationTokenException", "UnrecognizedClientException", "InvalidSignatureException",
		"UnknownOperationException", "ValidationException"}
}

// queryMembers are the members of Scheduler's inputs that travel in the URL's
// query, by operation, with their names there. From the SDK's serializers,
// scheduler v1.18.2.
var queryMembers = map[string]map[string]string{
	"GetSchedule":    {"GroupName": "groupName"},
	"DeleteSchedule": {"GroupName": "groupName", "ClientToken": "clientToken"},
	"ListSchedules": {"GroupName": "ScheduleGroup", "NamePrefix": "NamePrefix", "State": "State",
		"NextToken": "NextToken", "MaxResults": "MaxResults"},
}

func (restJSON) request(r *http.Request, body []byte) (string, func(any) error) {
	verbs := map[string]string{http.MethodPost: "CreateSchedule", http.MethodPut: "UpdateSchedule", http.MethodGet: "GetSchedule", http.MethodDelete: "DeleteSchedule"}
	escaped, named := strings.CutPrefix(r.URL.EscapedPath(), "/schedules/")
	op := verbs[r.Method]
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/schedules":
		op = "ListSchedules"
	case !named || op == "" || strings.Contains(escaped, "/"):
		return r.Method + " " + r.URL.Path, nil
	}
	return op, func(input any) error {
		v := reflect.ValueOf(input).Elem()
		if len(body) > 0 {
			if err := decodeBody(input, body); err != nil {
				return err
			}
		}
		if named {
			name, err := url.PathUnescape(escaped)
			if err != nil {
				return err
			}
			v.FieldByName("Name").Set(reflect.ValueOf(&name))
		}
		return decodeQuery(v, queryMembers[op], r.URL.Query())
	}
}

func decodeQuery(v reflect.Value, members map[string]string, values url.Values) error {
	for member, name := range members {
		if !values.Has(name) {
			continue
		}
		field := v.FieldByName(member)
		if field.Kind() == reflect.Pointer {
			field.Set(reflect.New(field.Type().Elem()))
			field = field.Elem()
		}
		if err := setText(field, values.Get(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (restJSON) answer(w http.ResponseWriter, _, id string, output any) {
	writeJSON(w, "application/json", http.StatusOK, id, encodeJSON(reflect.ValueOf(output)))
}

func (restJSON) fault(w http.ResponseWriter, id string, f fault) {
	jsonFault(w, "application/json", id, f)
}

func jsonFault(w http.ResponseWriter, contentType, id string, f fault) {
	w.Header().Set("X-Amzn-Errortype", f.code)
	body := map[string]any{"__type": f.code, "Message": f.message}
	maps.Copy(body, f.members())
	writeJSON(w, contentType, f.status, id, body)
}

func writeJSON(w http.ResponseWriter, contentType string, status int, id string, body any) {
	text, err := json.Marshal(body)
	if err != nil { // encodeJSON makes nothing that cannot be marshalled
		panic(err)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-Requestid", id)
	w.WriteHeader(status)
	w.Write(text)
}

// encodeJSON makes a JSON tree of a shape. Members without a value are left
// out; instants are seconds since 1970.
func encodeJSON(v reflect.Value) any {
	switch {
	case v.Kind() == reflect.Pointer:
		return encodeJSON(v.Elem())
	case v.Type() == timeType:
		return smithytime.FormatEpochSeconds(v.Interface().(time.Time))
	case v.Kind() == reflect.Struct:
		object := map[string]any{}
		for name, field := range fieldsOf(v) {
			if !field.IsZero() {
				object[name] = encodeJSON(field)
			}
		}
		return object
	case v.Kind() == reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = encodeJSON(v.Index(i))
		}
		return list
	case v.Kind() == reflect.Map:
		object := map[string]any{}
		for _, k := range v.MapKeys() {
			object[k.String()] = encodeJSON(v.MapIndex(k))
		}
		return object
	}
	return v.Interface()
}

func decodeBody(input any, body []byte) error {
	var tree any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return err
	}
	return decodeJSON(reflect.ValueOf(input).Elem(), tree, "")
}

// decodeJSON sets v from a JSON tree. Members that the shape does not know are
// ignored, as AWS does.
func decodeJSON(v reflect.Value, tree any, at string) error {
	if tree == nil {
		return nil
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		return decodeJSON(v.Elem(), tree, at)
	}
	switch tree := tree.(type) {
	case map[string]any:
		return decodeObject(v, tree, at)
	case []any:
		if v.Kind() != reflect.Slice {
			return fmt.Errorf("%s: a list where %s is wanted", at, v.Type())
		}
		v.Set(reflect.MakeSlice(v.Type(), len(tree), len(tree)))
		for i, element := range tree {
			if err := decodeJSON(v.Index(i), element, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := decodeScalar(v, tree); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return nil
}

func decodeScalar(v reflect.Value, tree any) error {
	number, isNumber := tree.(json.Number)
	text, isText := tree.(string)
	switch {
	case v.Type() == timeType && isNumber:
		seconds, err := number.Float64()
		v.Set(reflect.ValueOf(smithytime.ParseEpochSeconds(seconds)))
		return err
	case isText && v.Kind() == reflect.String:
		v.SetString(text)
		return nil
	case isNumber && (v.CanInt() || v.CanFloat()):
		return setText(v, number.String())
	case v.Kind() == reflect.Bool:
		if b, ok := tree.(bool); ok {
			v.SetBool(b)
			return nil
		}
	}
	return fmt.Errorf("%v where %s is wanted", tree, v.Type())
}

func decodeObject(v reflect.Value, tree map[string]any, at string) error {
	if v.Kind() == reflect.Map {
		v.Set(reflect.MakeMap(v.Type()))
		for k, value := range tree {
			element := reflect.New(v.Type().Elem()).Elem()
			if err := decodeJSON(element, value, join(at, k)); err != nil {
				return err
			}
			v.SetMapIndex(reflect.ValueOf(k), element)
		}
		return nil
	}
	if v.Kind() != reflect.Struct || v.Type() == timeType {
		return fmt.Errorf("%s: an object where %s is wanted", at, v.Type())
	}
	for name, field := range fieldsOf(v) {
		if err := decodeJSON(field, tree[name], join(at, name)); err != nil {
			return err
		}
	}
	return nil
}

package warehouse

import "strings"

// OfData says that an error code of a load is about the data of its objects,
// so that other objects may load all the same. Redshift has one code, XX000,
// for much that it finds in files: a cut gzip, Parquet of other types.
// https://docs.aws.amazon.com/redshift/latest/dg/r_Load_Error_Reference.html
func OfData(code string) bool {
	switch code {
	case CodeCheck, CodeRejected, "XX000":
		return true
	}
	return strings.HasPrefix(code, "22") || strings.HasPrefix(code, "23") // data exceptions, broken constraints
}

package crashtest

// wideFiles are a pipeline that uses most of what a night can do without Spark.
var wideFiles = map[string]string{
	"lamplighter.yaml": `version: 1
pipeline: crash
schedule: {cron: "0 1 * * *", timezone: UTC, last_call: 40m, hard_stop: 1h}
warehouse:
  engine: {provisioned: {node_type: ra3.large, nodes: 2, between_runs: delete}}
  migrations: sql/migrations
steps:
  - load: customers
    from: s3://` + eventsBucket + `/customers/*.parquet
    mode: replace
    format: {parquet: {}}
    checks: [{unique: [customer_id]}, {rows: {min: 2}}]
  - load: orders
    from: s3://` + eventsBucket + `/orders/{yyyy}/{mm}/{dd}/*.json.gz
    since: 2026-01-01
    mode: upsert
    key: [order_id]
    columns: [order_id, customer_id, status, amount]
    format: {json: {paths: auto ignorecase, empty_as_null: true}}
    checks:
      - not_null: [order_id, customer_id]
      - unique: [order_id]
      - accepted_values: {status: [open, closed, lost]}
      - references: {customer_id: customers.customer_id}
        severity: warn
  - load: visits
    from: s3://` + eventsBucket + `/visits/{yyyy}/{mm}/{dd}/*.txt.zst
    since: 2026-01-01
    mode: replace
    partition_column: at
    max_errors: 2
    format: {csv: {header: true, delimiter: "|", quote: "'", null_as: "-", date_format: auto, time_format: auto, trim_blanks: true}}
    checks:
      - between: {seconds: [0, 86400]}
      - rows: {min: 1, max_drop: 0.5}
        severity: warn
  - load: clicks
    from: s3://` + eventsBucket + `/clicks/{yyyy}/{mm}/{dd}/{hh}/*.json
    since: 2026-01-01
    complete_when: {marker: _SUCCESS}
    columns: [clicked_at, page]
    format: {json: {paths: s3://` + eventsBucket + `/clicks.jsonpaths}}
  - load: prices
    from: s3://` + eventsBucket + `/prices/{yyyy}/{mm}/{dd}/*.csv
    since: 2026-01-01
    on_fail: quarantine
    compression: none
    format: {csv: {delimiter: ";"}}
  - check: prices_are_round
    query: select count(*) from prices where price <> round(price)
    expect: 0
    severity: warn
  - unload: orders_by_status
    query: select order_id, customer_id, amount, status from orders
    format: {csv: {header: true, delimiter: ";", null_as: "-"}}
    partition_by: [status]
    publish: {prefix: s3://` + eventsBucket + `/lake/orders/, keep: 2d}
  - unload: visit_lines
    query: select page, seconds from visits
    format: json
    compression: gzip
    publish: true
  - unload: customer_files
    query: select customer_id, name from customers
    publish: {prefix: s3://` + eventsBucket + `/lake/customers/}
  - unload: best_orders
    query: select order_id, amount from orders
    format: csv
    compression: bzip2
    order_by: [amount desc, order_id]
    single_file: true
    expect: {rows: {min: 1}}
    publish: true
`,
	"sql/migrations/001_tables.sql": `create table customers (customer_id bigint not null, name varchar(100)) diststyle all;
create table orders (order_id bigint not null, customer_id bigint, status varchar(10), amount decimal(12,2), loaded varchar(10) default 'here') sortkey (order_id);
create table visits (at timestamp not null, page varchar(100), seconds integer) sortkey (at);
create table clicks (clicked_at timestamp, page varchar(100));
create table prices (item varchar(20), price decimal(12,2));
`,
}

// wideTables are its tables, with the rows of every night: what a person would
// find in the snapshot.
var wideTables = []string{"customers", "orders", "visits", "clicks", "prices"}

// wideNight is what comes in before a night, and what there is after it.
type wideNight struct {
	date   string
	puts   map[string]string // compressed by the end of the key
	code   int
	tables map[string][]string
	shelf  map[string][]string // the rows that readers of lake/orders/ find, by status
	visits []string            // the lines of visit_lines
	best   []string            // best_orders, in its order
}

const (
	visitHeader = "at|page|seconds\n"
	// Two rows that COPY refuses.
	refusedVisits = "2026-01-01 11:00:00|/bad|soon\nnever|/bad|1\n"
)

var wideNights = []wideNight{{
	date: "2026-01-03",
	puts: map[string]string{
		"clicks.jsonpaths":                    `{"jsonpaths": ["$.when", "$.what.page"]}`,
		"orders/2026/01/01/a.json.gz":         `{"Order_ID": 1, "customer_id": 1, "status": "open", "amount": 10.5}` + "\n" + `{"order_id": 2, "customer_id": 2, "status": "open", "amount": 20}`,
		"orders/2026/01/02/a.json.gz":         `{"order_id": 2, "customer_id": 2, "status": "closed", "amount": 21}` + "\n" + `{"order_id": 3, "customer_id": 9, "status": ""}`,
		"visits/2026/01/01/a.txt.zst":         visitHeader + "2026-01-01 10:00:00|'/a|b'|5\n" + refusedVisits + "2026-01-01 10:00:01|/b  |-\n2026-01-01 10:00:02|/c|6\n2026-01-01 10:00:03|/d|7\n",
		"visits/2026/01/02/a.txt.zst":         visitHeader + "2026-01-02 10:00:00|/a|1\n2026-01-02 11:00:00|/b|2\n",
		"clicks/2026/01/02/07/a.json":         `{"when": "2026-01-02 07:00:00", "what": {"page": "/a"}}`,
		"clicks/2026/01/02/07/_SUCCESS":       "",
		"clicks/2026/01/02/08/a.json":         `{"when": "2026-01-02 08:00:00", "what": {"page": "/b"}}`, // no marker yet
		"prices/2026/01/01/a.csv":             "tea;2\ncoffee;3\n",
		"prices/2026/01/02/a.csv":             "milk;one and a half\n",
		"prices/2026/01/02/unrelated.csv.bak": "not;1\nours;2\n",
	},
	code: 1, // the day that is set aside
	tables: map[string][]string{
		"customers": {"1|Ann", "2|Ben"},
		"orders":    {"1|1|open|10.50|here", "2|2|closed|21.00|here", "3|9|NULL|NULL|here"},
		"visits":    {"2026-01-01 10:00:00|/a|b|5", "2026-01-01 10:00:01|/b|NULL", "2026-01-01 10:00:02|/c|6", "2026-01-01 10:00:03|/d|7", "2026-01-02 10:00:00|/a|1", "2026-01-02 11:00:00|/b|2"},
		"clicks":    {"2026-01-02 07:00:00|/a"},
		"prices":    {"coffee|3.00", "tea|2.00"},
	},
	shelf:  map[string][]string{"open": {"1;1;10.50"}, "closed": {"2;2;21.00"}, "__HIVE_DEFAULT_PARTITION__": {"3;9;-"}},
	visits: []string{`{"page":"/a","seconds":1}`, `{"page":"/a|b","seconds":5}`, `{"page":"/b","seconds":2}`, `{"page":"/b","seconds":null}`, `{"page":"/c","seconds":6}`, `{"page":"/d","seconds":7}`},
	best:   []string{"3,", "2,21.00", "1,10.50"},
}, {
	// Day 2 of the visits comes again with other rows, day 3 has too few; the
	// price list is mended, an hour completed, an order closed, a customer gone.
	date: "2026-01-04",
	puts: map[string]string{
		"orders/2026/01/03/a.json.gz":   `{"order_id": 1, "customer_id": 1, "status": "closed", "amount": 10.5}` + "\n" + `{"order_id": 4, "customer_id": 1, "status": "open", "amount": 40}`,
		"visits/2026/01/02/a.txt.zst":   visitHeader + "2026-01-02 12:00:00|/again|3\n",
		"visits/2026/01/03/a.txt.zst":   visitHeader + "2026-01-03 10:00:00|/a|9\n",
		"clicks/2026/01/02/08/_SUCCESS": "",
		"prices/2026/01/02/a.csv":       "milk;1.5\n",
		"prices/2026/01/03/a.csv":       "salt;1\n",
	},
	tables: map[string][]string{
		"customers": {"1|Anna", "3|Cy"},
		"orders":    {"1|1|closed|10.50|here", "2|2|closed|21.00|here", "3|9|NULL|NULL|here", "4|1|open|40.00|here"},
		"visits":    {"2026-01-01 10:00:00|/a|b|5", "2026-01-01 10:00:01|/b|NULL", "2026-01-01 10:00:02|/c|6", "2026-01-01 10:00:03|/d|7", "2026-01-02 12:00:00|/again|3", "2026-01-03 10:00:00|/a|9"},
		"clicks":    {"2026-01-02 07:00:00|/a", "2026-01-02 08:00:00|/b"},
		"prices":    {"coffee|3.00", "milk|1.50", "salt|1.00", "tea|2.00"},
	},
	shelf:  map[string][]string{"open": {"4;1;40.00"}, "closed": {"1;1;10.50", "2;2;21.00"}, "__HIVE_DEFAULT_PARTITION__": {"3;9;-"}},
	visits: []string{`{"page":"/a","seconds":9}`, `{"page":"/a|b","seconds":5}`, `{"page":"/again","seconds":3}`, `{"page":"/b","seconds":null}`, `{"page":"/c","seconds":6}`, `{"page":"/d","seconds":7}`},
	best:   []string{"3,", "4,40.00", "2,21.00", "1,10.50"},
}, {
	// Three days at once; killed in the middle of the upsert.
	date: "2026-01-07",
	puts: map[string]string{
		"orders/2026/01/04/a.json.gz": `{"order_id": 4, "customer_id": 3, "status": "lost", "amount": 41}`,
		"orders/2026/01/05/a.json.gz": `{"order_id": 4, "customer_id": 3, "status": "closed", "amount": 42}` + "\n" + `{"order_id": 5, "customer_id": 3, "status": "open", "amount": 50}`,
		"orders/2026/01/06/a.json.gz": `{"order_id": 5, "customer_id": 3, "status": "lost", "amount": 51}`,
		"visits/2026/01/05/a.txt.zst": visitHeader + "2026-01-05 10:00:00|/e|4\n",
	},
	tables: map[string][]string{
		"customers": {"1|Anna", "3|Cy"},
		"orders":    {"1|1|closed|10.50|here", "2|2|closed|21.00|here", "3|9|NULL|NULL|here", "4|3|closed|42.00|here", "5|3|lost|51.00|here"},
		"visits":    {"2026-01-01 10:00:00|/a|b|5", "2026-01-01 10:00:01|/b|NULL", "2026-01-01 10:00:02|/c|6", "2026-01-01 10:00:03|/d|7", "2026-01-02 12:00:00|/again|3", "2026-01-03 10:00:00|/a|9", "2026-01-05 10:00:00|/e|4"},
		"clicks":    {"2026-01-02 07:00:00|/a", "2026-01-02 08:00:00|/b"},
		"prices":    {"coffee|3.00", "milk|1.50", "salt|1.00", "tea|2.00"},
	},
	shelf:  map[string][]string{"closed": {"1;1;10.50", "2;2;21.00", "4;3;42.00"}, "lost": {"5;3;51.00"}, "__HIVE_DEFAULT_PARTITION__": {"3;9;-"}},
	visits: []string{`{"page":"/a","seconds":9}`, `{"page":"/a|b","seconds":5}`, `{"page":"/again","seconds":3}`, `{"page":"/b","seconds":null}`, `{"page":"/c","seconds":6}`, `{"page":"/d","seconds":7}`, `{"page":"/e","seconds":4}`},
	best:   []string{"3,", "5,51.00", "4,42.00", "2,21.00", "1,10.50"},
}}

// wideCustomers are the customers of each night, as SQL: they come as Parquet.
var wideCustomers = []string{
	"select * from (values (1::bigint, 'Ann'), (2::bigint, 'Ben')) as c(customer_id, name)",
	"select * from (values (1::bigint, 'Anna'), (3::bigint, 'Cy')) as c(customer_id, name)",
}

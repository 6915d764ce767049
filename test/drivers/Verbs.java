// Each verb of pg_background with parameters as JDBC sends them: with the types that setInt and setString have, or none
// (stringtype=unspecified). Prints one line for each that did not do what it should.
import java.sql.*;
import java.util.Objects;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

public class Verbs {
    static Connection connection;

    // The columns of the first row of what a call gives, joined; null if there is none.
    static String ask(String call, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM " + call)) {
            for (int i = 0; i < values.length; i++) {
                if (values[i] instanceof String[] texts) statement.setArray(i + 1, connection.createArrayOf("text", texts));
                else if (values[i] == null) statement.setNull(i + 1, Types.NULL);
                else if (values[i] instanceof String text) statement.setString(i + 1, text);
                else statement.setObject(i + 1, values[i]);
            }
            ResultSet rows = statement.executeQuery();
            if (!rows.next()) return null;
            StringBuilder all = new StringBuilder();
            for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) all.append(i > 1 ? "|" : "").append(rows.getString(i));
            return all.toString();
        }
    }

    static void check(String name, Object got, Object wanted) {
        if (!Objects.equals(got, wanted)) System.out.println(name + ": " + got + ", not " + wanted);
    }

    static String column(String row, int i) { return row.split("\\|", -1)[i]; }

    static void verbs() throws Exception {
        Object[][] launches = {{"SELECT 1"}, {"SELECT 1", 0}, {"SELECT 1", 65536, "a label"}, {"SELECT 1", null, null}};
        for (Object[] values : launches) {
            String job = ask("pg_background_launch(" + "?, ".repeat(values.length - 1) + "?)", values);
            int pid = Integer.parseInt(column(job, 0));
            long cookie = Long.parseLong(column(job, 1));
            check("wait", ask("pg_background_wait(?, ?)", pid, cookie), "t");
            check("wait with a time-out", ask("pg_background_wait(?, ?, ?)", pid, cookie, 1000), "t");
            check("outcome", column(ask("pg_background_outcome(?, ?)", pid, cookie), 2), "stopped");
            check("full_sql", ask("pg_background_full_sql(?, ?)", pid, cookie), "SELECT 1");
            check("result", ask("pg_background_result(?, ?) AS (n int)", pid, cookie), "1");
        }
        // Values without a type: the job's statement decides, and nothing is quoted.
        check("text_params", ask("pg_background_run_query(?, text_params => ?) AS (sum int, name text, day date, nothing text)",
            "SELECT $1 + 1, $2, $3::date, $4", new String[] {"41", "it's '; DROP TABLE x; --", "2001-02-03", null}),
            "42|it's '; DROP TABLE x; --|2001-02-03|null");
        check("params", ask("pg_background_run_query(?, params => ROW(?::int, ?::text)) AS (sum int, name text)", "SELECT $1 + 1, $2", 41, "it's"), "42|it's");
        check("query", ask("pg_background_query(NULL::bigint, ?, text_params => ?)", "SELECT $1::bigint * 2", new String[] {"21"}), "42");
        check("query_json", ask("pg_background_query_json(?, text_params => ?)", "SELECT $1::int AS n", new String[] {"7"}), "{\"n\": 7}");
        check("run", column(ask("pg_background_run(?, ?, ?, ?)", "SELECT 1", 0, 1000, "x"), 2), "stopped");
        check("named", column(ask("pg_background_run(?, label => ?, timeout_ms => ?)", "SELECT 1", "named", 500), 10), "named");
        check("run_all", ask("(SELECT count(*), sum(row_count) FROM pg_background_run_all(?)) AS s", (Object) new String[] {"SELECT 1", "SELECT generate_series(1, 2)"}), "2|3");
        String submitted = ask("pg_background_submit(?)", "SELECT pg_sleep(60)");
        String handle = "(" + submitted.replace('|', ',') + ")";
        check("cancel", ask("pg_background_cancel(?::pg_background_handle)", handle), "");
        check("wait_next", ask("pg_background_wait_next(?)", 1000), submitted);
        check("detach", ask("pg_background_detach(?::pg_background_handle)", handle), "");
        check("drain_all", ask("pg_background_drain_all(?)", 1000), null);
        check("detach_all", ask("(SELECT pg_background_detach_all() >= 0) AS s"), "t");
    }

    // setFetchSize: the driver takes the cursor's rows, and those of a query, in pieces.
    static void cursor() throws Exception {
        connection.setAutoCommit(false);
        try (PreparedStatement statement = connection.prepareStatement("SELECT pg_background_cursor(pg_background_launch(?))")) {
            statement.setFetchSize(7);
            statement.setString(1, "SELECT g AS n, 'row ' || g AS name FROM generate_series(1, 1000) AS g");
            ResultSet one = statement.executeQuery();
            one.next();
            ResultSet rows = (ResultSet) one.getObject(1);
            long sum = 0;
            String last = null;
            for (; rows.next(); last = rows.getString("name")) sum += rows.getInt("n");
            check("rows of a cursor", sum + " " + last, "500500 row 1000");
        }
        try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM pg_background_query(NULL::int, ?)")) {
            statement.setFetchSize(10);
            statement.setString(1, "SELECT g FROM generate_series(1, 1000) AS g");
            ResultSet rows = statement.executeQuery();
            int count = 0;
            while (rows.next()) count++;
            check("rows in pieces", count, 1000);
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    // Waits on the socket; nothing is asked meanwhile.
    static void notification() throws Exception {
        try (Statement statement = connection.createStatement()) { statement.execute("LISTEN jobs"); }
        String job = ask("pg_background_submit(?, label => ?, notify => ?)", "SELECT pg_sleep(0.2)", "told", "jobs");
        PGNotification[] told = connection.unwrap(PGConnection.class).getNotifications(10000);
        check("notifications", told == null ? 0 : told.length, 1);
        if (told != null) {
            String payload = told[0].getParameter();
            check("payload " + payload, payload.contains("\"cookie\":" + column(job, 1) + ",") && payload.contains("\"label\":\"told\""), true);
        }
    }

    public static void main(String[] arguments) throws Exception {
        for (String types : new String[] {"", "&stringtype=unspecified", "&preferQueryMode=simple", "&prepareThreshold=1"}) {
            connection = DriverManager.getConnection(arguments[0] + types);
            try {
                verbs();
                cursor();
                notification();
            } catch (SQLException error) {
                System.out.println(types + " " + error.getSQLState() + " " + error.getMessage() + " " + error.getStackTrace()[error.getStackTrace().length - 2]);
            }
            connection.close();
        }
    }
}

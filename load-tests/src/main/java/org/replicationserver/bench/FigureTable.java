package org.replicationserver.bench;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Rows of figures, as text. */
final class FigureTable {
    private final StringBuilder text = new StringBuilder();

    FigureTable() {
        line(" ".repeat(37) + "   min   median      max");
    }

    void line(String line) {
        text.append(line).append('\n');
    }

    /** With two digits behind the point; no row if there are no figures. */
    void row(String name, @Nullable Spread spread) {
        add("%-36s %6.2f %8.2f %8.2f", name, spread);
    }

    /** With whole numbers; no row if there are no figures. */
    void rateRow(String name, @Nullable Spread spread) {
        add("%-36s %6.0f %8.0f %8.0f", name, spread);
    }

    private void add(String format, String name, @Nullable Spread spread) {
        if (spread != null) {
            line(String.format(Locale.ROOT, format, name, spread.min(), spread.median(), spread.max()));
        }
    }

    @Override
    public String toString() {
        return text.toString();
    }
}

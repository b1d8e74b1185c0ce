package org.replicationserver.receiver.config;

import java.util.Collection;
import java.util.Comparator;

/** Finds the known word that an unknown one was most likely meant to be. */
final class Nearest {
    /** Longer words are nobody's mistyped key, and comparing them would take its time. */
    private static final int CHARS_MAX = 200;

    private Nearest() {}

    /**
     * The word of {@code known}, which must not be empty, that begins with {@code word}, or the one with the fewest edits to it; of several
     * the first in order.
     */
    static String to(String word, Collection<String> known) {
        String cut = word.substring(0, Math.min(word.length(), CHARS_MAX));
        return known.stream()
                .min(Comparator.<String>comparingInt(k -> !cut.isEmpty() && k.startsWith(cut) ? 0 : 1)
                        .thenComparingInt(k -> distance(cut, k))
                        .thenComparing(Comparator.naturalOrder()))
                .orElseThrow();
    }

    /** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
    static int distance(String a, String b) {
        int[][] edits = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                edits[i][j] = i == 0 || j == 0 ? i + j : cheapest(edits, a, b, i, j);
            }
        }
        return edits[a.length()][b.length()];
    }

    private static int cheapest(int[][] edits, String a, String b, int i, int j) {
        int replaced = edits[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        int best = Math.min(replaced, Math.min(edits[i - 1][j], edits[i][j - 1]) + 1);
        boolean swapped = i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1);
        return swapped ? Math.min(best, edits[i - 2][j - 2] + 1) : best;
    }
}

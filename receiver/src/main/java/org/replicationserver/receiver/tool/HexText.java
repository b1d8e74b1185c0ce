package org.replicationserver.receiver.tool;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** Bytes as text, in the form of the golden frames: blocks between empty lines, of which only {@code name:} and {@code hex:} count. */
final class HexText {
    private static final String NAME = "name: ";
    private static final String HEX = "hex: ";

    /** The bytes of a block's {@code hex:} lines, in their order. */
    record Block(String name, InputStream bytes) {}

    private final List<Block> blocks = new ArrayList<>();
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private String name = "";

    private HexText() {}

    /** Reads all blocks that have bytes. */
    static List<Block> read(InputStream in) throws IOException {
        HexText text = new HexText();
        BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        int number = 1;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            text.take(line, number++);
        }
        text.endBlock();
        return text.blocks;
    }

    private void take(String line, int number) throws IOException {
        if (line.isBlank()) {
            endBlock();
        } else if (line.startsWith(NAME)) {
            name = line.substring(NAME.length());
        } else if (line.startsWith(HEX)) {
            try {
                bytes.writeBytes(
                        HexFormat.of().parseHex(line.substring(HEX.length()).strip()));
            } catch (IllegalArgumentException e) {
                throw new IOException("line " + number + " is not hexadecimal", e);
            }
        }
    }

    private void endBlock() {
        if (bytes.size() > 0) {
            blocks.add(new Block(name, new ByteArrayInputStream(bytes.toByteArray())));
        }
        bytes.reset();
        name = "";
    }
}

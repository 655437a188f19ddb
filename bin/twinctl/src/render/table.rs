//! Columns that line up.

/// A table as text: headers in capitals, two spaces between columns, no trailing blanks.
pub(crate) fn table<const N: usize>(headers: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headers.map(|header| header.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let heads = headers.map(str::to_uppercase);
    std::iter::once(&heads).chain(rows).map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    format!("{}\n", cells.join("  ").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [["l1".to_owned(), "yes".to_owned()], ["setup".to_owned(), "no".to_owned()]];
        assert_eq!(table(["layer", "deployed"], &rows), "LAYER  DEPLOYED\nl1     yes\nsetup  no\n");
    }
}

using System.Globalization;

namespace AdaptFormer.Cli.Output;

/// <summary>Numbers as people read them.</summary>
internal static class Format
{
    private static readonly string[] ByteUnits = ["B", "kB", "MB", "GB", "TB"];

    /// <summary>For example <c>1,189,632</c>.</summary>
    public static string Count(long n) => n.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>For example <c>4.81 MB</c> (powers of 1000), three digits.</summary>
    public static string Bytes(long bytes)
    {
        double value = bytes;
        int unit = 0;
        while (value >= 999.5 && unit + 1 < ByteUnits.Length) (value, unit) = (value / 1000, unit + 1);
        string digits = unit == 0 || value >= 99.95 ? "0" : value >= 9.995 ? "0.0" : "0.00";
        return $"{value.ToString(digits, CultureInfo.InvariantCulture)} {ByteUnits[unit]}";
    }

    /// <summary>Multiply-adds, for example <c>17.58 G</c> or <c>5.06 M</c>: powers of 1000, two decimals.</summary>
    public static string Macs(long n)
    {
        (double unit, string name) = n >= 999_995_000 ? (1e9, "G") : n >= 999_995 ? (1e6, "M") : (1e3, "k");
        return string.Create(CultureInfo.InvariantCulture, $"{n / unit:0.00} {name}");
    }

    /// <summary>For example <c>9.3 s</c>, <c>4 min 12 s</c>, <c>3 h 05 min</c>.</summary>
    public static string Duration(double seconds)
    {
        if (!double.IsFinite(seconds) || seconds < 0) return "?";
        if (seconds < 59.95) return string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s");
        TimeSpan span = TimeSpan.FromSeconds(Math.Round(Math.Min(seconds, TimeSpan.MaxValue.TotalSeconds / 2)));
        return span.TotalHours < 1
            ? $"{span.Minutes} min {span.Seconds:00} s"
            : string.Create(CultureInfo.InvariantCulture, $"{(long)span.TotalHours} h {span.Minutes:00} min");
    }

    /// <summary>For example <c>71.25 %</c>; a dash when there is no figure.</summary>
    public static string Percent(double? percent) => percent is { } p ? string.Create(CultureInfo.InvariantCulture, $"{p:0.00} %") : "-";

    /// <summary>For example <c>1.43 %</c> of all parameters.</summary>
    public static string Share(long part, long whole) =>
        whole == 0 ? "-" : string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole:0.00} %");
}

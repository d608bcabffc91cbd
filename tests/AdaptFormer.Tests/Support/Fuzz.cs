using System.Diagnostics;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>
/// Gives a reader damaged inputs of one format, one after the other, made by a seeded generator: each is read, or refused with a clean
/// error that names it, within two seconds and within the format's memory. The environment variable ADAPTFORMER_FUZZ gives the number
/// of inputs of each format; without it there are some hundred.
/// </summary>
/// <param name="format">What the inputs are; names their random stream too.</param>
/// <param name="output">Gets the figures.</param>
internal sealed class Fuzz(string format, ITestOutputHelper output)
{
    private const string Variable = "ADAPTFORMER_FUZZ";
    private const int FaultsShown = 8, MaxMessage = 20_000, Telling = 16;      // fewer inputs may all be read by chance
    private const long MaxGrowth = 512 << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly Dictionary<string, string> _faults = [];
    private int _read, _refused;
    private TimeSpan _slowest;
    private long _largest;

    /// <summary>Whether the number of inputs is given: other tests do not run beside this one then.</summary>
    public static bool IsLong => int.TryParse(Environment.GetEnvironmentVariable(Variable), out _);

    /// <summary>How many inputs there are when their number is not given.</summary>
    public int Few { get; init; } = 100;

    /// <summary>Of how many given inputs one is tried; more than 1 where each needs a process of its own.</summary>
    public int OneOf { get; init; } = 1;

    /// <summary>The longest that an input may take.</summary>
    public TimeSpan Slow { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>What every refusal says.</summary>
    public string Named { get; init; } = "";

    /// <summary>Whether an error is a clean refusal.</summary>
    public Func<Exception, bool> Refuses { get; init; } = error => error is InvalidDataException;

    /// <summary>Bytes that reading an input may allocate.</summary>
    public Func<byte[], long> Allowed { get; init; } = input => (8 << 20) + (2000L * input.Length);

    /// <summary>Reads them all.</summary>
    /// <param name="damage">Makes an input.</param>
    /// <param name="read">Reads it as the program does.</param>
    public void Run(Func<Rng, byte[]> damage, Action<byte[]> read)
    {
        int count = int.TryParse(Environment.GetEnvironmentVariable(Variable), out int given) ? Math.Max(given / OneOf, 1) : Few;
        long workingSet = Environment.WorkingSet;
        Task all = Task.Run(() =>
        {
            for (int i = 0; i < count; i++) Try(i, damage(new Rng(47).Derive(format.Aggregate(0, (hash, letter) => (hash * 31) + letter), i)), read);
        });
        Assert.True(all.Wait(Patience + (count * Slow / 10)), $"{format}: input {_read + _refused} does not end");
        long growth = Environment.WorkingSet - workingSet;
        output.WriteLine($"fuzz {format}: {count} inputs, {_read} read, {_refused} refused, slowest {_slowest.TotalMilliseconds:F0} ms, "
            + $"at most {_largest >> 10} KiB allocated, working set grew by {growth >> 20} MiB");
        Assert.True(_faults.Count == 0, string.Join("\n\n", _faults.Values));
        Assert.True(count < Telling || (_read > 0 && _refused > 0), $"{format}: {_read} read and {_refused} refused: such damage tests nothing");
        if (IsLong) Assert.InRange(growth, long.MinValue, MaxGrowth);
    }

    private void Try(int number, byte[] input, Action<byte[]> read)
    {
        long allowed = Allowed(input), before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
        Exception? error = Read(input, read);
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // A busy machine may pause any one try for long, but not the same input three times in a row.
        for (int again = 0; again < 2 && took > Slow; again++)
        {
            start = Stopwatch.GetTimestamp();
            Read(input, read);
            took = Stopwatch.GetElapsedTime(start);
        }

        if (error is null) _read++;
        else _refused++;
        (_slowest, _largest) = (took > _slowest ? took : _slowest, Math.Max(_largest, allocated));
        if (took > Slow) Fault("slow", $"it took {took}");
        if (allocated > allowed) Fault("large", $"{allocated} bytes were allocated and {allowed} are allowed");
        if (error is null) return;
        if (!Refuses(error)) Fault($"{error.GetType().Name} {Place(error)}", $"no clean refusal: {error}");
        else if (!error.Message.Contains(Named, StringComparison.Ordinal) || error.Message.Length is < 10 or > MaxMessage)
            Fault($"words {Place(error)}", $"a refusal in other words than it should have: {error.Message}");

        void Fault(string kind, string what)
        {
            if (_faults.Count < FaultsShown) _faults.TryAdd(kind, $"{format}, input {number} of {input.Length} bytes: {what}\n{Convert.ToBase64String(input.AsSpan(0, Math.Min(input.Length, 600)))}");
        }
    }

    private static Exception? Read(byte[] input, Action<byte[]> read)
    {
        try
        {
            read(input);
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
    }

    private static string Place(Exception error) => error.StackTrace?.Split('\n').FirstOrDefault(line => line.Contains("AdaptFormer", StringComparison.Ordinal)) ?? "";
}

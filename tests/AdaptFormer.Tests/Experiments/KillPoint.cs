using System.Security.Cryptography;
using System.Text.Json.Nodes;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

/// <summary>
/// Something that writes files is stopped at its n-th call that changes the file system, then done again as its user would: it must end with the files of an uninterrupted one.
/// A dozen calls spread over all of them; every one with ADAPTFORMER_KILLPOINTS=all.
/// </summary>
/// <param name="work">Does it in a folder; begins anew or goes on, whatever is there.</param>
/// <param name="folder">Where.</param>
internal sealed class KillPoint(Action<string, ExistingRun> work, string folder)
{
    private const string Variable = "ADAPTFORMER_KILLPOINTS";
    private readonly Random _random = new(17);
    private string[] _whole = [];
    private long _calls;
    private bool _reached;

    /// <summary>Whether every call is tried.</summary>
    public static bool All => Environment.GetEnvironmentVariable(Variable) == "all";

    /// <summary>Does it once without interruption.</summary>
    public KillPoint Whole()
    {
        Directory.CreateDirectory(folder);
        DiskFault calls = DiskFault.Begin(DiskFaultKind.None);
        try
        {
            work(Path.Combine(folder, "whole"), ExistingRun.Refuse);
        }
        finally
        {
            DiskFault.End();
        }

        (_calls, _whole) = (calls.Calls, Fingerprint(Path.Combine(folder, "whole")));
        Assert.True(_calls > 3, "it writes nothing");
        Assert.DoesNotContain(_whole, line => line.Contains(".tmp", StringComparison.Ordinal));
        return this;
    }

    /// <summary>Kills it and does it again.</summary>
    /// <param name="points">How many calls to try when not all are.</param>
    /// <returns>How many were tried.</returns>
    public int Kills(int points = 12)
    {
        long[] chosen = [.. Points(points)];
        foreach (long at in chosen)
        {
            string place = Path.Combine(folder, $"kill-{at}");
            Assert.True(Interrupt(DiskFaultKind.Kill, at, place) is not IOException, $"call {at}");
            Again(place, at, $"after a kill at call {at} of {_calls}");
        }

        return chosen.Length;
    }

    /// <summary>Lets calls fail, which must be an error, and does it again.</summary>
    /// <param name="kind">What the disk says.</param>
    /// <param name="points">How many calls to try when not all are.</param>
    /// <returns>How many were tried.</returns>
    public int Failures(DiskFaultKind kind, int points = 6)
    {
        int tried = 0;
        foreach (long at in Points(points))
        {
            string place = Path.Combine(folder, $"{kind}-{at}");
            Exception? error = Interrupt(kind, at, place);
            if (!_reached) continue;        // what comes over a network comes in more pieces or fewer: this time the work had no such call
            Assert.True(error is IOException, $"{kind} at call {at} of {_calls}: {error?.ToString() ?? "it ended as if nothing had happened"}");
            Assert.Contains(folder, error!.Message, StringComparison.Ordinal);
            Again(place, at, $"after {kind} at call {at} of {_calls}");
            tried++;
        }

        Assert.True(tried > 0, $"no call of {_calls} was reached");
        return tried;
    }

    private IEnumerable<long> Points(int count) =>
        All || count >= _calls ? Enumerable.Range(1, (int)_calls).Select(i => (long)i) : Enumerable.Range(0, count).Select(i => 1 + (long)((i + _random.NextDouble()) * _calls / count)).Distinct();

    private Exception? Interrupt(DiskFaultKind kind, long at, string place)
    {
        DiskFault fault = DiskFault.Begin(kind, at);
        _reached = false;
        try
        {
            work(place, ExistingRun.Refuse);
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
        finally
        {
            _reached = fault.Happened;
            DiskFault.End();
        }
    }

    // By every way that a user has: going on, beginning anew, and the plain call, which may only refuse when there is something to lose.
    private void Again(string place, long at, string what)
    {
        try
        {
            if (at % 3 == 0)
            {
                try { work(place, ExistingRun.Refuse); }
                catch (IOException error) when (error.Message.Contains("--resume", StringComparison.Ordinal)) { work(place, ExistingRun.Resume); }
            }
            else
            {
                work(place, at % 3 == 1 ? ExistingRun.Resume : ExistingRun.Overwrite);
            }
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"{what}: {error.Message}", error);
        }

        Assert.True(_whole.SequenceEqual(Fingerprint(place)), $"{what}: {string.Join(", ", Fingerprint(place).Except(_whole).Concat(_whole.Except(Fingerprint(place))))}");
        Directory.Delete(place, recursive: true);
    }

    /// <summary>Every file, with the digest of its content where that is the same in every run: times are left out.</summary>
    private static string[] Fingerprint(string place) =>
        [.. Directory.EnumerateFiles(place, "*", SearchOption.AllDirectories).Where(file => !Path.GetFileName(file).StartsWith(".lock", StringComparison.Ordinal)).Select(file => $"{Path.GetRelativePath(place, file)} {Digest(file)}").Order(StringComparer.Ordinal)];

    private static string Digest(string file) => Path.GetFileName(file) switch
    {
        "log.jsonl" => string.Concat(File.ReadLines(file).Select(Timeless)),
        "recipe.json" or "environment.json" or "summary.json" or "comparison.json" or "sweep.json" or "report.html" => "",       // times and paths are in them
        var name when name.Contains("tfevents", StringComparison.Ordinal) => "",
        _ => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))[..12],
    };

    private static string Timeless(string line)
    {
        JsonObject record = JsonNode.Parse(line)!.AsObject();
        foreach (string time in (string[])["images_per_s", "wait_share", "seconds"]) record.Remove(time);
        return record.ToJsonString();
    }
}

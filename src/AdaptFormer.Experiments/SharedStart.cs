using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Loading;
using AdaptFormer.Distributed;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;

namespace AdaptFormer.Experiments;

/// <summary>How several processes come to begin the same training at the same place. Of one process it asks nothing.</summary>
internal static class SharedStart
{
    /// <summary>Requires that all ranks run one version of the program with one recipe.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="recipe">This rank's recipe, as JSON.</param>
    /// <param name="timeout">Seconds that an exchange may take.</param>
    /// <exception cref="DisagreementException">They do not.</exception>
    public static void RequireSameRecipe(Collective ranks, string recipe, double timeout)
    {
        ranks.Timeout = TimeSpan.FromSeconds(timeout);
        ranks.Place = "the start";
        new Agreement()
            .Add("version", RunEnvironment.ProgramVersion)
            .Add("recipe", recipe, (first, other) => string.Join("; ", RecipeDifference.Between(first, other)))
            .Require(ranks);
    }

    /// <summary>What rank 0 computes in, which all follow.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="asked">What the recipe asks for.</param>
    /// <param name="recorded">What the run recorded; asked at rank 0 only.</param>
    public static Precision Precision(Collective ranks, Precision asked, Func<Precision> recorded) =>
        PrecisionChoice.Named(ranks.Broadcast(ranks.IsFirst ? PrecisionChoice.NameOf(asked.Following(recorded()).Compute()) : ""));

    /// <summary>
    /// Where the run in a folder can go on, as rank 0 sees it. The others need no checkpoint; one that has come further than rank 0's is an
    /// error, because the run would silently lose what is in it.
    /// </summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="output">The run's folder.</param>
    /// <param name="existing">Whether the run is to go on at all.</param>
    /// <exception cref="DisagreementException">Another machine's folder has a later checkpoint.</exception>
    public static ResumePoint? Furthest(Collective ranks, string output, ExistingRun existing)
    {
        if (existing != ExistingRun.Resume) return null;
        ResumePoint? own = RunDirectory.Furthest(output);
        long[] places = new long[ranks.Size];
        ranks.Gather([own is null ? -1 : ((long)own.Epoch << 32) | (uint)own.Batches], places);
        int furthest = Array.IndexOf(places, places.Max());
        if (places[furthest] > places[0])
        {
            throw new DisagreementException(
                $"{output}: {ranks.NameOf(furthest)} has a checkpoint {Named(places[furthest])}, and {ranks.NameOf(0)}, which reads and "
                + $"writes for all, has {(places[0] < 0 ? "none" : $"one {Named(places[0])}")}. Start rank 0 where the run's folder is, or "
                + "copy it there.");
        }

        return places[0] < 0 ? null : own ?? new ResumePoint("", (int)(places[0] >> 32), (int)places[0]);
    }

    /// <summary>Loads rank 0's checkpoint at all ranks.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="trainer">This rank's trainer.</param>
    /// <param name="checkpoint">The file; read at rank 0 only.</param>
    public static void Load(Collective ranks, Trainer trainer, string checkpoint)
    {
        if (ranks.IsFirst) trainer.LoadCheckpoint(checkpoint);
        if (ranks.Size == 1) return;
        byte[] bytes = ranks.Broadcast(ranks.IsFirst ? File.ReadAllBytes(checkpoint) : null);
        if (ranks.IsFirst) return;
        string copy = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(copy, bytes);
            trainer.LoadCheckpoint(copy);
        }
        finally
        {
            File.Delete(copy);
        }
    }

    /// <summary>Requires that all ranks are about to take the same step on the same numbers.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="model">Everything that trains, with the numbers that it starts from.</param>
    /// <param name="backbone">The backbone.</param>
    /// <param name="trainer">Where it stands.</param>
    /// <param name="parts">The parts of the data, by name; null where there is none.</param>
    /// <param name="kept">What is read in place of pictures.</param>
    /// <exception cref="DisagreementException">They are not.</exception>
    public static void RequireSameWork(
        Collective ranks, Module model, Backbone backbone, Trainer trainer, IEnumerable<(string Name, DataLoader? Part)> parts, string kept)
    {
        if (ranks.Size == 1) return;
        KeyValuePair<string, Parameter>[] changing = [.. model.TrainableParameters(), .. model.Buffers()];
        Agreement facts = new Agreement()
            .Add("epoch", Invariant($"{trainer.EpochsDone + 1}"))
            .Add("batches done of it", Invariant($"{trainer.BatchesDone}"))
            .Add("steps done", Invariant($"{trainer.StepsDone}"))
            .AddDigest("names and shapes of what trains", Agreement.Digest(changing.Select(entry => $"{entry.Key} {entry.Value.Shape}")))
            .AddDigest("numbers of what trains", DigestOf(changing.Select(entry => entry.Value)))
            .AddDigest("weights of the backbone", backbone.ContentDigest())
            .Add("backend", Backend.Current.Name)
            .Add("precision", PrecisionChoice.NameOf(backbone.Compute))
            .Add("threads", Invariant($"{CpuParallel.Threads}"))
            .Add("frozen-prefix cache", kept);
        foreach ((string name, DataLoader? part) in parts)
        {
            if (part is null) continue;
            facts.Add($"number of {name} {part.Dataset.Things}", Invariant($"{part.Dataset.Count}"))
                .AddDigest($"labels and names of the {name} {part.Dataset.Things}", Agreement.Digest(
                    Enumerable.Range(0, part.Dataset.Count).Select(i => $"{Labels(part.Dataset, i)} {LastPart(part.Dataset.Source(i))}")));
        }

        facts.Require(ranks);
    }

    /// <summary>Who trains together, for people; null for one process.</summary>
    public static string? Describe(Collective ranks)
    {
        if (ranks.Size == 1) return null;
        int machines = ranks.Hosts.Distinct().Count(), threads = CpuParallel.Threads;
        return $"{ranks.Size} processes on {machines} machine{(machines == 1 ? "" : "s")} by {ranks.Library}, {threads} "
            + $"thread{(threads == 1 ? "" : "s")} each";
    }

    private static string Labels(LabelledDataset data, int item) => data.ClassNames.Count == 0 ? "" : string.Join('|', data.Labels(item));

    // Folders may lie elsewhere on each machine; what is in them is the same.
    private static string LastPart(string source) => source[(source.AsSpan().LastIndexOfAny('/', '\\') + 1)..];

    private static string DigestOf(IEnumerable<Parameter> parameters)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (Parameter parameter in parameters) hash.AppendData(MemoryMarshal.AsBytes<float>(parameter.ToArray()));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string Named(long place)
    {
        (int epoch, int batches) = ((int)(place >> 32), (int)place);
        return batches == 0 ? $"of epoch {epoch}" : $"after {batches} batches of epoch {epoch + 1}";
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

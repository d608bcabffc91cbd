using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using AdaptFormer.Data.Datasets;

namespace AdaptFormer.Data.Checking;

/// <summary>
/// Reads every item of a data set once, on all cores, and reports what is missing, damaged, double or uneven. Of each picture its size and
/// a digest of its pixels stay in memory, 24 bytes; of each clip its size, length and a digest of its files, 36 bytes.
/// </summary>
public static class DatasetCheck
{
    /// <summary>Checks the parts of a data set together.</summary>
    /// <param name="splits">The parts with their names, training first.</param>
    /// <param name="progress">Told, from any thread and in no order, how many items of how many are done; may be null.</param>
    /// <param name="read">Whether everything is read; if not, only what is missing is found.</param>
    /// <param name="cancellation">Ends the check.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    /// <exception cref="DllNotFoundException">A library that the pictures' format needs is not installed.</exception>
    /// <exception cref="NotSupportedException">ffmpeg is not installed, and the clips are videos.</exception>
    public static DatasetReport Run(
        IReadOnlyList<(string Name, LabelledDataset Data)> splits, Action<int, int>? progress = null, bool read = true,
            CancellationToken cancellation = default)
    {
        string[] classNames = [.. splits.SelectMany(split => split.Data.ClassNames).Distinct()];
        Part[] parts = [.. splits.Select(split => new Part(split.Name, split.Data, read))];
        int total = splits.Sum(split => split.Data.Count), done = 0;
        foreach (Part part in parts) part.Read(() => progress?.Invoke(Interlocked.Increment(ref done), total), cancellation);

        SplitReport[] reports = [.. parts.Select(part => part.Report(classNames))];
        return new DatasetReport(
            splits[0].Data.Things,
            reports,
            classNames,
            [.. parts.SelectMany(part => part.Bad.OrderBy(bad => bad.Key).Select(bad => bad.Value))],
            Duplicates(parts),
            [.. classNames.Where((_, c) => reports[0].PerClass[c] == 0 && reports.Skip(1).Any(report => report.PerClass[c] > 0))],
            [.. splits[0].Data.ClassNames.Where(name => reports[0].PerClass[Array.IndexOf(classNames, name)] == 0)]);
    }

    /// <summary>The items that can be read, clips from their first to their last frame, with the classes of all. Each is decoded
    /// once.</summary>
    /// <param name="dataset">The whole set.</param>
    /// <returns>A part of the set, or the set itself when nothing is damaged.</returns>
    /// <exception cref="InvalidDataException">Nothing can be read.</exception>
    public static LabelledDataset WithoutDamaged(LabelledDataset dataset)
    {
        HashSet<int> damaged = [.. Damaged(dataset)];
        if (damaged.Count > 0 && damaged.Count == dataset.Count)
            throw new InvalidDataException(
                $"{dataset.Name}: not one of its {dataset.Count} items can be read; `adaptformer data check` says why.");
        int[]? kept = damaged.Count == 0 ? null : [.. Enumerable.Range(0, dataset.Count).Where(index => !damaged.Contains(index))];
        return DatasetSplits.Rest(dataset, kept, "cannot be read");
    }

    /// <summary>The items of a set that are there and cannot be read, ascending; all are read, on all cores.</summary>
    internal static IEnumerable<int> Damaged(LabelledDataset data)
    {
        Part part = new("", data, read: true);
        part.Read(() => { }, default);
        return part.Bad.Where(bad => !bad.Value.Missing).Select(bad => bad.Key).Order();
    }

    private static List<DuplicateGroup> Duplicates(Part[] parts)
    {
        (UInt128 Digest, int Part, int Index)[] all =
            [.. parts.SelectMany((part, p) => part.Items.Select((item, i) => (item.Digest, p, i))).Where(entry => entry.Digest != 0)];
        Array.Sort(all);
        List<DuplicateGroup> groups = [];
        for (int start = 0, end; start < all.Length; start = end)
        {
            for (end = start + 1; end < all.Length && all[end].Digest == all[start].Digest; end++)
            {
            }

            if (end - start < 2) continue;
            DuplicateMember[] members = [.. all[start..end].Select(entry => parts[entry.Part].Member(entry.Index))];
            groups.Add(new DuplicateGroup(
                members.DistinctBy(m => m.Split).Count() > 1, members.DistinctBy(m => m.Label).Count() > 1, members));
        }

        return [.. groups.OrderByDescending(group => group.AcrossSplits).ThenByDescending(group => group.LabelsDiffer)
            .ThenBy(group => group.Members[0].Source, StringComparer.Ordinal)];
    }

    private sealed class Part(string name, LabelledDataset data, bool read)
    {
        /// <summary>What each item is; all 0 if it could not be read.</summary>
        public ItemFacts[] Items { get; } = new ItemFacts[data.Count];

        public ConcurrentDictionary<int, UnreadableEntry> Bad { get; } = new();

        public void Read(Action done, CancellationToken cancellation)
        {
            try
            {
                Parallel.For(
                    0, data.Count, new ParallelOptions
                    {
                        CancellationToken = cancellation,
                        MaxDegreeOfParallelism = Environment.ProcessorCount
                    },
                    () => ItemReader.For(data),
                    (index, _, reader) =>
                    {
                        Read(index, reader);
                        done();
                        return reader;
                    },
                    reader => reader.Dispose());
            }
            catch (AggregateException several)      // each thread met the same, a library or program that is not installed
            {
                ExceptionDispatchInfo.Throw(several.InnerExceptions[0]);
            }
        }

        public SplitReport Report(string[] classNames)
        {
            int[] mine = data.CountPerClass(), perClass = new int[classNames.Length];
            Dictionary<string, int> index = classNames.Select((text, i) => (text, i)).ToDictionary(pair => pair.text, pair => pair.i);
            for (int c = 0; c < mine.Length; c++) perClass[index[data.ClassNames[c]]] += mine[c];
            int missing = Bad.Values.Count(bad => bad.Missing);
            return new SplitReport(
                name, data.Name, data.Count, missing, Bad.Count - missing, perClass, Spread(item => item.Width),
                    Spread(item => item.Height), Spread(item => item.Frames), Durations())
            {
                MultiLabel = data.MultiLabel,
                Oriented = Items.Count(item => item.Oriented),
                Notes = data.Notes,
                LeftOut = data.LeftOut,
            };
        }

        public DuplicateMember Member(int index) =>
            new(name, data.Source(index), string.Join(ListBuilder.Separator, data.Labels(index).Select(label => data.ClassNames[label])));

        private void Read(int index, ItemReader reader)
        {
            try
            {
                if (read) Items[index] = reader.Read(index);
                else if (!data.IsThere(index)) throw new FileNotFoundException("It is not there.");
            }
            catch (Exception error) when (ItemErrors.IsOfItem(error))
            {
                Bad[index] = new UnreadableEntry(
                    name, data.Source(index), error is FileNotFoundException or DirectoryNotFoundException, ItemErrors.Message(error));
            }
        }

        private SizeStatistics? Spread(Func<ItemFacts, int> size)
        {
            int[] known = [.. Items.Select(size).Where(value => value > 0).Order()];
            return known.Length == 0 ? null : new SizeStatistics(known[0], known[(known.Length - 1) / 2], known[^1]);
        }

        private DurationStatistics? Durations()
        {
            float[] known = [.. Items.Select(item => item.Seconds).Where(value => value > 0).Order()];
            return known.Length == 0
                ? null
                : new DurationStatistics(known[0], known[(known.Length - 1) / 2], known[^1], known.Sum(value => (double)value));
        }
    }
}

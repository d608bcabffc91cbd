using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace AdaptFormer.Data;

/// <summary>
/// Reads every picture of a data set once, on all cores, and reports what is missing, damaged, double or uneven. Of each picture a digest
/// of its pixels and its size stay in memory, 24 bytes.
/// </summary>
public static class DatasetCheck
{
    private const int DigestBytes = 16;      // of SHA-256: a chance collision among a billion pictures is out of the question

    /// <summary>Checks the parts of a data set together.</summary>
    /// <param name="splits">The parts with their names, training first.</param>
    /// <param name="progress">Told, from any thread and in no order, how many pictures of how many are done; may be null.</param>
    /// <param name="cancellation">Ends the check.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    /// <exception cref="DllNotFoundException">A library that the pictures' format needs is not installed.</exception>
    public static DatasetReport Run(IReadOnlyList<(string Name, ImageDataset Data)> splits, Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        string[] classNames = [.. splits.SelectMany(split => split.Data.ClassNames).Distinct()];
        Part[] parts = [.. splits.Select(split => new Part(split.Name, split.Data))];
        int total = splits.Sum(split => split.Data.Count), done = 0;
        foreach (Part part in parts) part.Read(() => progress?.Invoke(Interlocked.Increment(ref done), total), cancellation);

        SplitReport[] reports = [.. parts.Select(part => part.Report(classNames))];
        return new DatasetReport(
            reports,
            classNames,
            [.. parts.SelectMany(part => part.Bad.OrderBy(bad => bad.Key).Select(bad => bad.Value))],
            Duplicates(parts),
            [.. classNames.Where((_, c) => reports[0].PerClass[c] == 0 && reports.Skip(1).Any(report => report.PerClass[c] > 0))],
            [.. splits[0].Data.ClassNames.Where(name => reports[0].PerClass[Array.IndexOf(classNames, name)] == 0)]);
    }

    private static List<DuplicateGroup> Duplicates(Part[] parts)
    {
        (UInt128 Digest, int Part, int Index)[] all = [.. parts.SelectMany((part, p) => part.Digests.Select((digest, i) => (digest, p, i))).Where(entry => entry.digest != 0)];
        Array.Sort(all);
        List<DuplicateGroup> groups = [];
        for (int start = 0, end; start < all.Length; start = end)
        {
            for (end = start + 1; end < all.Length && all[end].Digest == all[start].Digest; end++)
            {
            }

            if (end - start < 2) continue;
            DuplicateMember[] members = [.. all[start..end].Select(entry => parts[entry.Part].Member(entry.Index))];
            groups.Add(new DuplicateGroup(members.DistinctBy(m => m.Split).Count() > 1, members.DistinctBy(m => m.Label).Count() > 1, members));
        }

        return [.. groups.OrderByDescending(group => group.AcrossSplits).ThenByDescending(group => group.LabelsDiffer).ThenBy(group => group.Members[0].Source, StringComparer.Ordinal)];
    }

    private sealed class Part(string name, ImageDataset data)
    {
        private readonly int[] _widths = new int[data.Count], _heights = new int[data.Count];

        /// <summary>Of each picture; 0 if it could not be read.</summary>
        public UInt128[] Digests { get; } = new UInt128[data.Count];

        public ConcurrentDictionary<int, UnreadableEntry> Bad { get; } = new();

        public void Read(Action done, CancellationToken cancellation) => Parallel.For(
            0, data.Count, new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = Environment.ProcessorCount },
            () => (Image: new ImageBuffer(), Hash: IncrementalHash.CreateHash(HashAlgorithmName.SHA256)),
            (index, _, tools) =>
            {
                Read(index, tools.Image, tools.Hash);
                done();
                return tools;
            },
            tools =>
            {
                tools.Image.Dispose();
                tools.Hash.Dispose();
            });

        public SplitReport Report(string[] classNames)
        {
            int[] mine = data.CountPerClass(), perClass = new int[classNames.Length];
            Dictionary<string, int> index = classNames.Select((text, i) => (text, i)).ToDictionary(pair => pair.text, pair => pair.i);
            for (int c = 0; c < mine.Length; c++) perClass[index[data.ClassNames[c]]] += mine[c];
            int missing = Bad.Values.Count(bad => bad.Missing);
            return new SplitReport(name, data.Name, data.Count, missing, Bad.Count - missing, perClass, Spread(_widths), Spread(_heights));
        }

        public DuplicateMember Member(int index) => new(name, data.Source(index), string.Join(ListBuilder.Separator, data.Labels(index).Select(label => data.ClassNames[label])));

        private void Read(int index, ImageBuffer image, IncrementalHash hash)
        {
            try
            {
                data.Load(index, image);
            }
            catch (Exception error) when (error is InvalidDataException or IOException or UnauthorizedAccessException or ArgumentException)
            {
                Bad[index] = new UnreadableEntry(name, data.Source(index), error is FileNotFoundException or DirectoryNotFoundException, error.Message);
                return;
            }

            Span<byte> bytes = stackalloc byte[SHA256.HashSizeInBytes];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, ((long)image.Width << 32) | (uint)image.Height);
            hash.AppendData(bytes[..sizeof(long)]);
            hash.AppendData(image.Pixels);
            hash.GetHashAndReset(bytes);
            (Digests[index], _widths[index], _heights[index]) = (MemoryMarshal.Read<UInt128>(bytes[..DigestBytes]), image.Width, image.Height);
        }

        private static SizeStatistics? Spread(int[] sizes)
        {
            int[] known = [.. sizes.Where(size => size > 0).Order()];
            return known.Length == 0 ? null : new SizeStatistics(known[0], known[(known.Length - 1) / 2], known[^1]);
        }
    }
}

using System.Text;
using System.Text.Json;
using AdaptFormer.Tensors.Files;

namespace AdaptFormer.Training.Runs;

/// <summary>
/// A run's <c>log.jsonl</c>: one line an epoch, on the disk before the next epoch begins. A line that a crash tore is not a line: reading leaves it
/// out, and opening for writing cuts it off. Not safe for several threads or writers at once.
/// </summary>
public sealed class EpochLog : IDisposable
{
    private readonly FileStream _stream;

    /// <summary>Opens a log for appending; makes it if it is not there.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="InvalidDataException">A whole line is not a record.</exception>
    public EpochLog(string path)
    {
        _stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            Parse(path, ReadAll(), out long whole);
            _stream.SetLength(whole);
            _stream.Position = whole;
        }
        catch
        {
            _stream.Dispose();
            throw;
        }
    }

    /// <summary>The epochs of a log, in order; a torn last line is left out.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">A whole line is not a record.</exception>
    public static IReadOnlyList<EpochRecord> Read(string path)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return Parse(path, bytes, out _);
    }

    /// <summary>Rewrites a log without the epochs after <paramref name="epoch"/>, which a run resumed from that epoch will do again.</summary>
    public static void KeepUntil(string path, int epoch)
    {
        IEnumerable<EpochRecord> kept = Read(path).Where(record => record.Epoch <= epoch);
        AtomicFile.WriteAllText(path, string.Concat(kept.Select(record => record.ToJsonLine() + "\n")));
    }

    /// <summary>Appends one line and flushes it to the disk.</summary>
    public void Append(EpochRecord record)
    {
        _stream.Write(Encoding.UTF8.GetBytes(record.ToJsonLine() + "\n"));
        _stream.Flush(flushToDisk: true);
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private byte[] ReadAll()
    {
        byte[] bytes = new byte[_stream.Length];
        _stream.ReadExactly(bytes);
        return bytes;
    }

    private static List<EpochRecord> Parse(string path, byte[] bytes, out long whole)
    {
        List<EpochRecord> records = [];
        whole = 0;
        for (int end; (end = Array.IndexOf(bytes, (byte)'\n', (int)whole)) >= 0; whole = end + 1)
        {
            string line = Encoding.UTF8.GetString(bytes, (int)whole, end - (int)whole);
            try
            {
                records.Add((EpochRecord)RunRecord.FromJsonLine(line));
            }
            catch (Exception error) when (error is JsonException or InvalidCastException)
            {
                throw new InvalidDataException($"{path}, line {records.Count + 1} is not the record of an epoch: {error.Message}", error);
            }
        }

        return records;
    }
}

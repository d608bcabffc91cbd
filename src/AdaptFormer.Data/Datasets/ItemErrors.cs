namespace AdaptFormer.Data.Datasets;

/// <summary>Errors that a single item causes, apart from those that would meet any other item too.</summary>
internal static class ItemErrors
{
    /// <summary>
    /// Whether an error is the item's: it is damaged or missing, or a decoder stumbled on it in a way that nobody foresaw. A library or
    /// program that is not installed, an end that was asked for, or memory that is used up is not.
    /// </summary>
    public static bool IsOfItem(Exception error) =>
        error is not (OperationCanceledException or NotSupportedException or DllNotFoundException or OutOfMemoryException
            or ObjectDisposedException);

    /// <summary>What is wrong with an item, with its file.</summary>
    /// <param name="data">The set.</param>
    /// <param name="index">The item.</param>
    /// <param name="error">What happened when it was read.</param>
    public static string Reason(LabelledDataset data, int index, Exception error)
    {
        string source = data.Source(index), message = Message(error);
        return message.Contains(source, StringComparison.Ordinal) ? message : $"{source}: {message}";
    }

    /// <summary>What is wrong, without the file where the error does not name it.</summary>
    public static string Message(Exception error) =>
        error is InvalidDataException or IOException or UnauthorizedAccessException or ArgumentException
        ? error.Message
        : $"it cannot be decoded ({error.GetType().Name}: {error.Message})";
}

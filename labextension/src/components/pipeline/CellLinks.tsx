/** Links to the cells that a message is about. */
export function CellLinks(props: {
  cells: readonly number[];
  onOpen: (index: number) => void;
}): JSX.Element {
  return (
    <>
      {props.cells.map(index => (
        <button key={index} className="tb-LinkButton" onClick={() => props.onOpen(index)}>
          Go to cell {index + 1}
        </button>
      ))}
    </>
  );
}
